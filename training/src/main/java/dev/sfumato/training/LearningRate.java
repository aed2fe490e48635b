package dev.sfumato.training;

import static dev.sfumato.InvalidOptionException.require;

import dev.sfumato.SfumatoException;
import java.util.Arrays;
import java.util.Locale;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.TreeMap;
import java.util.regex.Pattern;

/**
 * The learning rate of each optimiser step, as in diffusers' {@code get_scheduler}: a linear
 * warm-up from 0, then a curve down to the last step.
 *
 * @param kind the curve
 * @param base the rate at the start of the curve
 * @param warmupSteps optimiser steps of warm-up; {@link Kind#CONSTANT}, {@link
 *     Kind#PIECEWISE_CONSTANT} and {@link Kind#EXPONENTIAL} have none
 * @param shape what some curves need beside
 */
public record LearningRate(Kind kind, double base, long warmupSteps, Shape shape) {
  private static final double POLYNOMIAL_END = 1e-7;
  private static final double EXPONENTIAL_GAMMA = 0.9;

  /**
   * @throws SfumatoException if a number is out of range
   */
  public LearningRate {
    require(
        base > 0 && base < Double.POSITIVE_INFINITY,
        "`learningRate` must be more than 0 and finite, but is " + base);
    require(warmupSteps >= 0, "`lrWarmupSteps` must not be negative");
    require(
        kind != Kind.PIECEWISE_CONSTANT || !shape.rules().isEmpty(),
        "`lrScheduler` piecewise_constant needs `lrStepRules`, such as 1:100,0.1:200,0.01");
  }

  /** A rate with the usual shape. */
  public LearningRate(Kind kind, double base, long warmupSteps) {
    this(kind, base, warmupSteps, Shape.USUAL);
  }

  /** Returns a copy with another rate at the start of the curve. */
  public LearningRate withBase(double other) {
    return new LearningRate(kind, other, warmupSteps, shape);
  }

  /**
   * What some curves need.
   *
   * @param cycles of {@link Kind#COSINE_WITH_RESTARTS}, at least 1
   * @param power of {@link Kind#POLYNOMIAL}, more than 0
   * @param rules of {@link Kind#PIECEWISE_CONSTANT}, as diffusers writes them: {@code
   *     1:100,0.1:200,0.01} is the base rate until step 100, a tenth of it until step 200, and then
   *     a hundredth; empty for other curves
   */
  public record Shape(int cycles, double power, String rules) {
    private static final String NUMBER = "\\d+(\\.\\d*)?([eE]-?\\d+)?";
    private static final Pattern RULES =
        Pattern.compile("((" + NUMBER + ":\\d{1,18},)*" + NUMBER + ")?");

    /** One cycle, a straight line, and no rules. */
    public static final Shape USUAL = new Shape(1, 1, "");

    /**
     * @throws SfumatoException if a number is out of range, or rules cannot be read
     */
    public Shape {
      require(cycles >= 1, "`lrNumCycles` must be at least 1, but is " + cycles);
      require(
          power > 0 && power < Double.POSITIVE_INFINITY,
          "`lrPower` must be more than 0 and finite, but is " + power);
      require(
          RULES.matcher(rules).matches(),
          "`lrStepRules` '" + rules + "' cannot be read: write them as in 1:100,0.1:200,0.01");
    }

    private double factor(long step) {
      String[] parts = rules.split(",");
      NavigableMap<Long, Double> until = new TreeMap<>();
      for (int i = 0; i < parts.length - 1; i++) {
        String[] rule = parts[i].split(":");
        until.put(Long.parseLong(rule[1]), Double.parseDouble(rule[0]));
      }
      return Optional.ofNullable(until.higherEntry(step))
          .map(Map.Entry::getValue)
          .orElseGet(() -> Double.parseDouble(parts[parts.length - 1]));
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
    /** As many of {@link #COSINE} as the shape has cycles, one after the other. */
    COSINE_WITH_RESTARTS,
    /** Down to 1e-7 as the shape's power of the share that is left. */
    POLYNOMIAL,
    /** The base rate times the factors of the shape's rules. */
    PIECEWISE_CONSTANT,
    /** The base rate times 0.9 for each finished epoch. */
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

    private boolean warmsUp() {
      return this != CONSTANT && this != EXPONENTIAL && this != PIECEWISE_CONSTANT;
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
    return base * course(step, totalSteps, stepsPerEpoch);
  }

  /** Returns whether a run of {@code totalSteps} optimiser steps ends within the warm-up. */
  public boolean isCutShort(long totalSteps) {
    return kind.warmsUp() && warmupSteps >= totalSteps;
  }

  Map<String, Object> settings() {
    Map<String, Object> settings = new TreeMap<>();
    settings.put("learning_rate", base);
    settings.put("lr_scheduler", kind.toString());
    settings.put("lr_warmup_steps", warmupSteps);
    settings.put("lr_num_cycles", shape.cycles());
    settings.put("lr_power", shape.power());
    if (!shape.rules().isEmpty()) {
      settings.put("lr_step_rules", shape.rules());
    }
    return settings;
  }

  /** Returns the share of the base rate for one optimiser step, as {@link #at}. */
  double course(long step, long totalSteps, long stepsPerEpoch) {
    if (kind.warmsUp() && step < warmupSteps) {
      return (double) step / warmupSteps;
    }
    double progress = (double) (step - warmupSteps) / Math.max(1, totalSteps - warmupSteps);
    return switch (kind) {
      case CONSTANT, CONSTANT_WITH_WARMUP -> 1;
      case LINEAR -> Math.max(0, 1 - progress);
      case COSINE -> (1 + Math.cos(Math.PI * progress)) / 2;
      case COSINE_WITH_RESTARTS ->
          progress >= 1 ? 0 : (1 + Math.cos(Math.PI * (shape.cycles() * progress % 1))) / 2;
      case POLYNOMIAL -> {
        double end = POLYNOMIAL_END / base;
        yield progress > 1 ? end : (1 - end) * Math.pow(1 - progress, shape.power()) + end;
      }
      case PIECEWISE_CONSTANT -> shape.factor(step);
      case EXPONENTIAL -> Math.pow(EXPONENTIAL_GAMMA, step / Math.max(1, stepsPerEpoch));
    };
  }
}
