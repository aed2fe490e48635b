/**
 * Runs of training and their output directories: {@link dev.sfumato.run.TrainingRun} trains a model
 * and keeps metrics, curves, sample grids, checkpoints, the report and the model card in an {@link
 * dev.sfumato.run.OutputDirectory}.
 */
package dev.sfumato.run;
