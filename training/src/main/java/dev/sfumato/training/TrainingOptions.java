package dev.sfumato.training;

import static dev.sfumato.InvalidOptionException.require;

import dev.sfumato.InvalidOptionException;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.TreeMap;
import java.util.function.Consumer;

/**
 * Options of training: length, optimiser, learning rate, averages. Immutable.
 *
 * <pre>{@code
 * TrainingOptions.fineTuning().withMaxSteps(200).withLearningRate(2e-5)
 * }</pre>
 */
public final class TrainingOptions implements Cloneable {
  private static final int EPOCHS = 10;
  private static final TrainingOptions DEFAULTS = new TrainingOptions();

  private OptionalInt epochs = OptionalInt.empty();
  private long maxSteps;
  private int accumulation = 1;
  private Optimizer.Settings optimizer = Optimizer.Settings.adamW();
  private LearningRate rate = new LearningRate(LearningRate.Kind.CONSTANT, 1e-4, 0);
  private boolean rateChosen;
  private OptionalDouble textRate = OptionalDouble.empty();
  private double maxGradNorm = 1;
  private Optional<Ema.Settings> ema = Optional.empty();
  private long seed;

  private TrainingOptions() {}

  private TrainingOptions with(Consumer<TrainingOptions> change) {
    try {
      TrainingOptions changed = (TrainingOptions) clone();
      change.accept(changed);
      require(
          changed.textRate.isEmpty() || !changed.findsRate(),
          "`textEncoderLearningRate` has no use with `optimizer` prodigy, which finds one rate for"
              + " all weights: leave it out");
      return changed;
    } catch (CloneNotSupportedException e) {
      throw new AssertionError(e);
    }
  }

  /**
   * Returns ten epochs of AdamW at a constant rate of 1e-4, gradients clipped to a norm of 1, no
   * moving average, seed 0.
   */
  public static TrainingOptions defaults() {
    return DEFAULTS;
  }

  /** Returns the defaults for a pretrained model: a rate of 1e-5 and two micro-batches per step. */
  public static TrainingOptions fineTuning() {
    return DEFAULTS.with(o -> o.rate = o.rate.withBase(1e-5)).withGradientAccumulationSteps(2);
  }

  /**
   * Returns the passes over the data; 0, together with {@link #maxSteps}, for as many as needed.
   */
  public int epochs() {
    return epochs.orElse(maxSteps > 0 ? 0 : EPOCHS);
  }

  /** Returns the largest number of optimiser steps; 0 for no limit. */
  public long maxSteps() {
    return maxSteps;
  }

  /** Returns the micro-batches per optimiser step. */
  public int gradientAccumulationSteps() {
    return accumulation;
  }

  /** The update rule. */
  public Optimizer.Settings optimizer() {
    return optimizer;
  }

  /** Returns whether the optimiser finds the rate, of which {@link #learningRate} is a multiple. */
  public boolean findsRate() {
    return optimizer.rule() == Optimizer.Rule.PRODIGY;
  }

  /** Returns the learning rate over the steps; 1 times its own for Prodigy if none was chosen. */
  public LearningRate learningRate() {
    return findsRate() && !rateChosen ? rate.withBase(1) : rate;
  }

  /**
   * Returns the learning rate of text encoders at the start of the curve, if they are trained. At
   * each step it is the share of this that {@link #learningRate} is of its own base.
   */
  public double textEncoderLearningRate() {
    return textRate.orElse(learningRate().base());
  }

  /** Returns the norm to which gradients are clipped; 0 for no clipping. */
  public double maxGradNorm() {
    return maxGradNorm;
  }

  /** Returns the settings of the moving average, if there is one. */
  public Optional<Ema.Settings> ema() {
    return ema;
  }

  /** Seed of noise, timesteps and dropout. */
  public long seed() {
    return seed;
  }

  /**
   * Returns a copy with this number of passes over the data; 0, together with {@link
   * #withMaxSteps}, for as many as needed. Without this call there are 10, or as many as {@link
   * #withMaxSteps} needs.
   *
   * @throws InvalidOptionException if a number is out of range, as all these methods do
   */
  public TrainingOptions withEpochs(int passes) {
    require(passes >= 0, "`epochs` must not be negative, but is " + passes);
    return with(o -> o.epochs = OptionalInt.of(passes));
  }

  /** Returns a copy that ends after this number of optimiser steps; 0 for no limit. */
  public TrainingOptions withMaxSteps(long steps) {
    require(steps >= 0, "`maxSteps` must not be negative, but is " + steps);
    return with(o -> o.maxSteps = steps);
  }

  /** Returns a copy with this number of micro-batches per optimiser step. */
  public TrainingOptions withGradientAccumulationSteps(int microBatches) {
    require(
        microBatches >= 1,
        "`gradientAccumulationSteps` must be at least 1, but is " + microBatches);
    return with(o -> o.accumulation = microBatches);
  }

  /** Returns a copy with another update rule. */
  public TrainingOptions withOptimizer(Optimizer.Settings settings) {
    return with(o -> o.optimizer = settings);
  }

  /** Returns a copy with another base learning rate. */
  public TrainingOptions withLearningRate(double base) {
    return withLearningRate(rate.withBase(base));
  }

  /** Returns a copy with another learning rate over the steps. */
  public TrainingOptions withLearningRate(LearningRate other) {
    return with(
        o -> {
          o.rate = other;
          o.rateChosen = true;
        });
  }

  /** Returns a copy with another curve of the learning rate, whose base stays as it is. */
  public TrainingOptions withLearningRateCurve(
      LearningRate.Kind kind, long warmupSteps, LearningRate.Shape shape) {
    return with(o -> o.rate = new LearningRate(kind, rate.base(), warmupSteps, shape));
  }

  /** Returns a copy with this base learning rate, or 1 for Prodigy, unless one was chosen. */
  public TrainingOptions withUsualLearningRate(double base) {
    return rateChosen ? this : withLearningRate(findsRate() ? 1 : base);
  }

  /**
   * Returns a copy with another base learning rate for text encoders; without this call it is that
   * of the other weights.
   */
  public TrainingOptions withTextEncoderLearningRate(double base) {
    require(
        base > 0 && Double.isFinite(base),
        "`textEncoderLearningRate` must be more than 0 and finite, but is " + base);
    return with(o -> o.textRate = OptionalDouble.of(base));
  }

  /** Returns a copy that clips gradients to this norm; 0 for no clipping. */
  public TrainingOptions withMaxGradNorm(double norm) {
    require(norm >= 0, "`maxGradNorm` must be at least 0, but is " + norm);
    return with(o -> o.maxGradNorm = norm);
  }

  /** Returns a copy with a moving average of the weights, which samples and the saved model use. */
  public TrainingOptions withEma(Ema.Settings settings) {
    return with(o -> o.ema = Optional.of(settings));
  }

  /** Returns a copy without a moving average. */
  public TrainingOptions withoutEma() {
    return with(o -> o.ema = Optional.empty());
  }

  /** Returns a copy with another seed. */
  public TrainingOptions withSeed(long other) {
    return with(o -> o.seed = other);
  }

  /**
   * Requires that the run has a step and an end.
   *
   * @throws InvalidOptionException if {@link #epochs} and {@link #maxSteps} are both 0
   */
  public TrainingOptions requireSteps() {
    require(epochs() > 0 || maxSteps > 0, "`epochs` must be at least 1 if `maxSteps` is 0");
    return this;
  }

  /**
   * Returns the optimiser steps of the whole run if an epoch has {@code perEpoch} micro-batches.
   */
  public long totalSteps(int perEpoch) {
    long all = epochs() * stepsPerEpoch(perEpoch);
    return maxSteps == 0 ? all : epochs() == 0 ? maxSteps : Math.min(all, maxSteps);
  }

  /**
   * Returns the optimiser steps of an epoch of {@code perEpoch} micro-batches; the last step may be
   * shorter.
   */
  public long stepsPerEpoch(int perEpoch) {
    return (perEpoch + accumulation - 1L) / accumulation;
  }

  /**
   * Returns every option by its name in a run's {@code config.json}; the learning rate only if it
   * was chosen.
   */
  public Map<String, Object> settings() {
    Map<String, Object> settings = new TreeMap<>();
    settings.put("epochs", epochs());
    settings.put("max_steps", maxSteps);
    settings.put("gradient_accumulation_steps", accumulation);
    settings.putAll(optimizer.settings());
    settings.putAll(rate.settings());
    if (!rateChosen) {
      settings.remove("learning_rate");
    }
    textRate.ifPresent(base -> settings.put("text_encoder_learning_rate", base));
    settings.put("max_grad_norm", maxGradNorm);
    settings.put("use_ema", ema.isPresent());
    settings.putAll(ema.orElse(Ema.Settings.DEFAULTS).settings());
    settings.put("seed", seed);
    return settings;
  }

  @Override
  public String toString() {
    return settings().toString();
  }
}
