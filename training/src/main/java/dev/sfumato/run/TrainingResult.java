package dev.sfumato.run;

import dev.sfumato.training.Progress;

/**
 * The result of a training.
 *
 * @param progress the progress at its end
 * @param totalSteps optimiser steps of the whole run
 * @param history its losses
 */
public record TrainingResult(Progress progress, long totalSteps, LossHistory history) {
  /** Returns whether all steps are done; otherwise the run was stopped and can be resumed. */
  public boolean isFinished() {
    return progress.step() >= totalSteps;
  }
}
