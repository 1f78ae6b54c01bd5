# Made by: $command (drum $version, $date)
#
# The hooks of a model. drum calls those that are not comments:
#
#     once            init -> load_model
#     each request    read_input_data -> transform -> score -> post_process
#     drum fit        fit
#
# import io
# import os
# import pickle
#
# import pandas as pd
#
#
# def init(code_dir, **kwargs):
#     """Is called first, once, before the model is loaded.
#
#     By default: nothing is done.
#     """
#
#
# def load_model(code_dir):
#     """Is called once; gives the model, any object but None.
#
#     By default: the one artifact in the folder is loaded (.pkl, ...).
#     """
#     with open(os.path.join(code_dir, "model.pkl"), "rb") as file:
#         return pickle.load(file)
#
#
# def read_input_data(input_binary_data):
#     """Is called first for each request; gives the data frame for the bytes that were sent.
#
#     By default: they are read as CSV.
#     """
#     return pd.read_csv(io.BytesIO(input_binary_data))
#
#
# def transform(data, model):
#     """Is called with the data before they are scored; gives a data frame.
#
#     By default: the data stay as they are.
#     """
#     return data.fillna(0)
#
#
# def score(data, model, **kwargs):
#     """Is called to predict; gives a data frame with a row for each row of the data.
#
#     Its columns: "Predictions" for regression and anomaly; one column of probabilities for each
#     label for binary, multiclass and multilabel. kwargs holds target_type, binary_data, mimetype
#     and the labels: positive_class_label and negative_class_label, or class_labels.
#     By default: the predict method of the artifact is called.
#     """
#     return pd.DataFrame(model.predict_proba(data), columns=model.classes_)
#
#
# def post_process(predictions, model):
#     """Is called with the predictions; gives a data frame with the same columns.
#
#     By default: the predictions stay as they are.
#     """
#     return predictions
#
#
# def fit(X, y, output_dir, class_order=None, row_weights=None, parameters=None, **kwargs):
#     """Is called by drum fit; trains a model and writes its artifact to output_dir.
#
#     class_order lists the labels, None for regression; row_weights is a Series or None;
#     parameters is a dict of hyperparameters.
#     """
