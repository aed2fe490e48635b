/**
 * Destinations for the numbers and pictures of a training run: files for programs ({@link
 * dev.sfumato.tracking.CsvTracker}), TensorBoard ({@link dev.sfumato.tracking.TensorBoardTracker})
 * and an MLflow server ({@link dev.sfumato.tracking.MlflowTracker}). All of them implement {@link
 * dev.sfumato.tracking.Tracker}.
 */
package dev.sfumato.tracking;
