# Made by: $command (drum $version, $date)
#
# The hooks of a model. drum calls those that are not comments:
#
#     once            init -> load_model
#     each request    read_input_data -> transform -> score -> post_process
#
# # Is called first, once, before the model is loaded.
# init <- function(...) {
# }
#
# # Is called once; gives the model. By default: the one .rds file in the folder is read.
# load_model <- function(input_dir) {
#     readRDS(file.path(input_dir, "model.rds"))
# }
#
# # Is called first for each request; gives the data frame for the raw bytes that were sent.
# # By default: they are read as CSV.
# read_input_data <- function(input_binary_data) {
#     read.csv(text = rawToChar(input_binary_data))
# }
#
# # Is called with the data before they are scored; gives a data frame.
# transform <- function(data, model) {
#     data
# }
#
# # Is called to predict; gives a data frame with a row for each row of the data. Its columns:
# # "Predictions" for regression and anomaly; one column of probabilities for each label for
# # binary and multiclass. By default: predict(model, data) is called.
# score <- function(data, model, ...) {
#     data.frame(Predictions = predict(model, data))
# }
#
# # Is called with the predictions; gives a data frame with the same columns.
# post_process <- function(predictions, model) {
#     predictions
# }
