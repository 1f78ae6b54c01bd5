"""The hooks of this model.

drum calls the functions that it finds here by their names. At the start, once:

    init -> load_model

and for each request, or for the file that `drum score` is given:

    read_input_data -> transform -> score -> post_process

All hooks may be left out: without `load_model` the artifact in this folder is loaded (model.pkl,
…), without `score` its own predict method is called. A hook may be a coroutine (`async def`).
"""

import pandas as pd

# At the start, once


def load_model(code_dir):
    """Gives the model: any object but None. It is passed to the hooks below.

    `code_dir` is the path of this folder. A real model would be read from a file in it:

        with open(os.path.join(code_dir, "model.bin"), "rb") as file:
            return pickle.load(file)
    """
    return {"base": 20_000, "area": 3_100, "rooms": 8_500, "newer": 450}


# def init(code_dir, **kwargs):
#     """Is called first, before the model is loaded: for settings and downloads."""


# For each request


def score(data, model, **kwargs):
    """Predicts: gives a data frame with one row for each row of `data`.

    `data` is what `transform` gave, or the data frame that was sent. The column to return:

        regression, anomaly        one column, "Predictions"
        binary                     one column of probabilities for each of the two labels
        multiclass, multilabel     one column of probabilities for each label

    More columns than these are passed on as extra output. `kwargs` holds target_type,
    binary_data and mimetype, and the labels: positive_class_label and negative_class_label for
    binary, class_labels for multiclass and multilabel.
    """
    age = 2026 - data["year"]
    price = (
        model["base"]
        + model["area"] * data["area"]
        + model["rooms"] * data["rooms"]
        - model["newer"] * age
    )
    return pd.DataFrame({"Predictions": price})


# def read_input_data(input_binary_data):
#     """Turns the bytes that were sent into the data for `transform` and `score`.
#
#     Without it they are read as CSV.
#     """
#     return pd.read_csv(io.BytesIO(input_binary_data))


# def transform(data, model):
#     """Prepares the data: gives the data frame that `score`, or the artifact, is to predict on."""
#     return data.fillna(0)


# def post_process(predictions, model):
#     """Changes the predictions: gives a data frame with the columns it was given."""
#     return predictions.clip(lower=0)


# For other target types


# def score_unstructured(model, data, **kwargs):
#     """unstructured: gives text or bytes for `data`, which is text or bytes.
#
#     Or a pair of it and {"mimetype": ..., "charset": ...}. `kwargs` holds mimetype, charset,
#     query and headers. It takes the place of `score` and the hooks around it.
#     """
#     return data


# def chat(completion_create_params, model):
#     """textgeneration: answers a chat request in the format of OpenAI.
#
#     Gives a chat completion, or an iterator of its chunks when params["stream"] is true. It may
#     take **kwargs as well, which then holds headers.
#     """


# def get_supported_llm_models(model):
#     """textgeneration: gives the models that a chat request can ask for."""
#     return []


# Training, with drum fit


# def fit(X, y, output_dir, class_order=None, row_weights=None, parameters=None, **kwargs):
#     """Trains the model and writes its artifact to the folder `output_dir`."""
