package dev.sfumato.training;

import dev.sfumato.SfumatoException;
import java.util.Arrays;
import java.util.Locale;
import java.util.Map;

/**
 * The learning rate of each optimiser step, as in diffusers' {@code get_scheduler}: a linear
 * warm-up from 0, then a curve down to the last step.
 *
 * @param kind the curve
 * @param base the rate at the start of the curve
 * @param warmupSteps optimiser steps of warm-up; {@link Kind#CONSTANT} and {@link Kind#EXPONENTIAL}
 *     have none
 */
public record LearningRate(Kind kind, double base, long warmupSteps) {
  private static final double POLYNOMIAL_END = 1e-7;
  private static final double EXPONENTIAL_GAMMA = 0.9;

  /**
   * @throws SfumatoException if a number is out of range
   */
  public LearningRate {
    if (!(base > 0 && base < Double.POSITIVE_INFINITY)) {
      throw new SfumatoException("`learningRate` must be more than 0 and finite, but is " + base);
    }
    if (warmupSteps < 0) {
      throw new SfumatoException("`lrWarmupSteps` must not be negative");
    }
  }

  /** The curves. */
  public enum Kind {
    /** The base rate throughout. */
    CONSTANT,
    /** The base rate after the warm-up. */
    CONSTANT_WITH_WARMUP,
    /** Straight down to 0. */
    LINEAR,
    /** {@code (1 + cos(pi p)) / 2} with p the finished share of the run. */
    COSINE,
    /** Like {@link #COSINE}, and restarted at its end. */
    COSINE_WITH_RESTARTS,
    /** Straight down to 1e-7. */
    POLYNOMIAL,
    /** 0.9 times less after each epoch. */
    EXPONENTIAL;

    /**
     * Reads a name in lower case, such as {@code cosine_with_restarts}.
     *
     * @throws SfumatoException for another name
     */
    @com.fasterxml.jackson.annotation.JsonCreator
    public static Kind parse(String name) {
      return Arrays.stream(values())
          .filter(kind -> kind.toString().equals(name))
          .findFirst()
          .orElseThrow(
              () ->
                  new SfumatoException(
                      "`lrScheduler` '"
                          + name
                          + "' is unknown: use one of "
                          + Arrays.toString(values())));
    }

    @Override
    @com.fasterxml.jackson.annotation.JsonValue
    public String toString() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /**
   * Returns the rate of one optimiser step.
   *
   * @param step its number, from 0
   * @param totalSteps optimiser steps of the whole run
   * @param stepsPerEpoch optimiser steps of an epoch
   */
  public double at(long step, long totalSteps, long stepsPerEpoch) {
    return base * factor(step, totalSteps, stepsPerEpoch);
  }

  Map<String, Object> settings() {
    return Map.of(
        "learning_rate", base, "lr_scheduler", kind.toString(), "lr_warmup_steps", warmupSteps);
  }

  private double factor(long step, long totalSteps, long stepsPerEpoch) {
    if (kind == Kind.CONSTANT) {
      return 1;
    }
    if (kind == Kind.EXPONENTIAL) {
      return Math.pow(EXPONENTIAL_GAMMA, step / Math.max(1, stepsPerEpoch));
    }
    if (step < warmupSteps) {
      return (double) step / Math.max(1, warmupSteps);
    }
    double progress = (double) (step - warmupSteps) / Math.max(1, totalSteps - warmupSteps);
    return switch (kind) {
      case LINEAR -> Math.max(0, 1 - progress);
      case COSINE -> (1 + Math.cos(Math.PI * progress)) / 2;
      case COSINE_WITH_RESTARTS -> progress >= 1 ? 0 : (1 + Math.cos(Math.PI * (progress % 1))) / 2;
      case POLYNOMIAL -> {
        double end = POLYNOMIAL_END / base;
        yield progress > 1 ? end : (1 - end) * (1 - progress) + end;
      }
      default -> 1;
    };
  }
}
