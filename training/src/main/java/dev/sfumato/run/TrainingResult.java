package dev.sfumato.run;

import dev.sfumato.training.Progress;

/**
 * What a training has done.
 *
 * @param progress how far it came
 * @param totalSteps optimiser steps of the whole run
 * @param history its losses
 */
public record TrainingResult(Progress progress, long totalSteps, LossHistory history) {
  /** Whether all steps are done; otherwise the run was stopped and can go on. */
  public boolean isFinished() {
    return progress.step() >= totalSteps;
  }
}
