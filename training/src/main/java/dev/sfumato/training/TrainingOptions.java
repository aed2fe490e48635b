package dev.sfumato.training;

import dev.sfumato.SfumatoException;
import java.util.Optional;

/**
 * How a run trains.
 *
 * @param epochs passes over the data; 0, with {@code maxSteps}, for as many as it takes
 * @param maxSteps optimiser steps after which the run ends even so; 0 for no such limit
 * @param accumulation micro-batches of one optimiser step
 * @param optimizer the constants of Adam or AdamW
 * @param learningRate the base learning rate
 * @param curve how the learning rate changes
 * @param warmupSteps optimiser steps of learning-rate warm-up
 * @param maxGradNorm the largest norm of the gradient; 0 for no clipping
 * @param ema the moving average of the weights, if one is wanted
 * @param objective what the network learns
 * @param classDropout the share of labels that are replaced by "no class"
 * @param seed of noise and timesteps
 */
public record TrainingOptions(
    int epochs,
    long maxSteps,
    int accumulation,
    Adam.Settings optimizer,
    double learningRate,
    LearningRate.Kind curve,
    long warmupSteps,
    double maxGradNorm,
    Optional<Ema.Settings> ema,
    Objective objective,
    double classDropout,
    long seed) {

  /**
   * @throws SfumatoException if a number is out of range
   */
  public TrainingOptions {
    require(maxSteps >= 0, "max-steps must not be negative");
    require(epochs >= (maxSteps > 0 ? 0 : 1), "epochs must be at least 1");
    require(accumulation >= 1, "gradient-accumulation-steps must be at least 1");
    require(
        learningRate > 0 && learningRate < Double.POSITIVE_INFINITY,
        "learning-rate must be more than 0 and finite");
    require(warmupSteps >= 0, "lr-warmup-steps must not be negative");
    require(maxGradNorm >= 0, "max-grad-norm must not be negative");
    require(classDropout >= 0 && classDropout < 1, "class-dropout must be in [0, 1)");
  }

  private static void require(boolean holds, String message) {
    if (!holds) {
      throw new SfumatoException(message);
    }
  }

  /** Optimiser steps of the whole run, where an epoch has {@code perEpoch} micro-batches. */
  public long totalSteps(int perEpoch) {
    long all = epochs * stepsPerEpoch(perEpoch);
    return maxSteps == 0 ? all : epochs == 0 ? maxSteps : Math.min(all, maxSteps);
  }

  /**
   * Optimiser steps of an epoch of {@code perEpoch} micro-batches; the last may be a shorter one.
   */
  public long stepsPerEpoch(int perEpoch) {
    return (perEpoch + accumulation - 1L) / accumulation;
  }
}
