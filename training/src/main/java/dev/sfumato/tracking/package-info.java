/**
 * Where the numbers and pictures of a training run go while it runs: files for programs ({@link
 * dev.sfumato.tracking.CsvTracker}), TensorBoard ({@link dev.sfumato.tracking.TensorBoardTracker})
 * and an MLflow server ({@link dev.sfumato.tracking.MlflowTracker}). All of them are told the same
 * through {@link dev.sfumato.tracking.Tracker}.
 */
package dev.sfumato.tracking;
