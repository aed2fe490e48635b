package dev.sfumato.run;

import dev.sfumato.SfumatoException;
import dev.sfumato.tracking.MlflowSettings;
import java.util.Optional;

/**
 * How a training run is watched and saved.
 *
 * @param sampleEvery optimiser steps between sample grids; 0 for none but the last; otherwise there
 *     is one before the first step, too
 * @param sampleSteps scheduler steps of a sample
 * @param sampleCount pictures in a sample grid; 0 for no grids at all
 * @param checkpointEvery optimiser steps between checkpoints; 0 for none but the last
 * @param checkpointsKeep how many checkpoints stay, the newest ones
 * @param tensorboard whether TensorBoard event files are written; they hold histograms of weights
 *     and gradients for the steps that have sample grids
 * @param mlflow the MLflow server to log to, if any
 */
public record WatchOptions(
    long sampleEvery,
    int sampleSteps,
    int sampleCount,
    long checkpointEvery,
    int checkpointsKeep,
    boolean tensorboard,
    Optional<MlflowSettings> mlflow) {

  /** Options without MLflow. */
  public WatchOptions(
      long sampleEvery,
      int sampleSteps,
      int sampleCount,
      long checkpointEvery,
      int checkpointsKeep,
      boolean tensorboard) {
    this(
        sampleEvery,
        sampleSteps,
        sampleCount,
        checkpointEvery,
        checkpointsKeep,
        tensorboard,
        Optional.empty());
  }

  /**
   * @throws SfumatoException if a number is out of range
   */
  public WatchOptions {
    if (sampleEvery < 0 || sampleCount < 0 || checkpointEvery < 0) {
      throw new SfumatoException(
          "sample-every, sample-count, checkpoint-every must not be negative");
    }
    if (sampleSteps < 1 || checkpointsKeep < 1) {
      throw new SfumatoException("sample-steps and checkpoints-keep must be at least 1");
    }
  }
}
