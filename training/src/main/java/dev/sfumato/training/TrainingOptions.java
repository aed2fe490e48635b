package dev.sfumato.training;

import static dev.sfumato.InvalidOptionException.require;

import dev.sfumato.InvalidOptionException;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.TreeMap;

/**
 * Options of training: length, optimiser, learning rate, averages. Immutable.
 *
 * <pre>{@code
 * TrainingOptions.fineTuning().withMaxSteps(200).withLearningRate(2e-5)
 * }</pre>
 */
public final class TrainingOptions {
  private static final int EPOCHS = 10;
  private static final TrainingOptions DEFAULTS =
      new TrainingOptions(
          new Length(OptionalInt.empty(), 0, 1),
          Optimizer.Settings.adamW(),
          Rate.usual(1e-4),
          OptionalDouble.empty(),
          1,
          Optional.empty(),
          0);

  private final Length length;
  private final Optimizer.Settings optimizer;
  private final Rate rate;
  private final OptionalDouble textRate;
  private final double maxGradNorm;
  private final Optional<Ema.Settings> ema;
  private final long seed;

  private record Length(OptionalInt epochs, long maxSteps, int accumulation) {}

  /**
   * @param chosen whether the base rate is not just the usual one
   */
  private record Rate(LearningRate learningRate, boolean chosen) {
    static Rate usual(double base) {
      return new Rate(new LearningRate(LearningRate.Kind.CONSTANT, base, 0), false);
    }
  }

  private TrainingOptions(
      Length length,
      Optimizer.Settings optimizer,
      Rate rate,
      OptionalDouble textRate,
      double maxGradNorm,
      Optional<Ema.Settings> ema,
      long seed) {
    this.length = length;
    this.optimizer = optimizer;
    this.rate = rate;
    this.textRate = textRate;
    this.maxGradNorm = maxGradNorm;
    this.ema = ema;
    this.seed = seed;
    require(length.maxSteps >= 0, "`maxSteps` must not be negative, but is " + length.maxSteps);
    require(epochs() >= 0, "`epochs` must not be negative, but is " + epochs());
    require(
        length.accumulation >= 1,
        "`gradientAccumulationSteps` must be at least 1, but is " + length.accumulation);
    require(
        textRate.isEmpty() || !findsRate(),
        "`textEncoderLearningRate` has no use with `optimizer` prodigy, which finds one rate for all"
            + " weights: leave it out");
    require(maxGradNorm >= 0, "`maxGradNorm` must be at least 0, but is " + maxGradNorm);
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
    return DEFAULTS.withRate(Rate.usual(1e-5)).withGradientAccumulationSteps(2);
  }

  /**
   * Returns the passes over the data; 0, together with {@link #maxSteps}, for as many as needed.
   */
  public int epochs() {
    return length.epochs.orElse(length.maxSteps > 0 ? 0 : EPOCHS);
  }

  /** Returns the largest number of optimiser steps; 0 for no limit. */
  public long maxSteps() {
    return length.maxSteps;
  }

  /** Returns the micro-batches per optimiser step. */
  public int gradientAccumulationSteps() {
    return length.accumulation;
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
    return findsRate() && !rate.chosen ? rate.learningRate.withBase(1) : rate.learningRate;
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
  public TrainingOptions withEpochs(int epochs) {
    return with(new Length(OptionalInt.of(epochs), length.maxSteps, length.accumulation));
  }

  /** Returns a copy that ends after this number of optimiser steps; 0 for no limit. */
  public TrainingOptions withMaxSteps(long steps) {
    return with(new Length(length.epochs, steps, length.accumulation));
  }

  /** Returns a copy with this number of micro-batches per optimiser step. */
  public TrainingOptions withGradientAccumulationSteps(int microBatches) {
    return with(new Length(length.epochs, length.maxSteps, microBatches));
  }

  private TrainingOptions with(Length changed) {
    return new TrainingOptions(changed, optimizer, rate, textRate, maxGradNorm, ema, seed);
  }

  /** Returns a copy with another update rule. */
  public TrainingOptions withOptimizer(Optimizer.Settings settings) {
    return new TrainingOptions(length, settings, rate, textRate, maxGradNorm, ema, seed);
  }

  /** Returns a copy with another base learning rate. */
  public TrainingOptions withLearningRate(double base) {
    return withLearningRate(rate.learningRate.withBase(base));
  }

  /** Returns a copy with another learning rate over the steps. */
  public TrainingOptions withLearningRate(LearningRate other) {
    return withRate(new Rate(other, true));
  }

  /** Returns a copy with another curve of the learning rate, whose base stays as it is. */
  public TrainingOptions withLearningRateCurve(
      LearningRate.Kind kind, long warmupSteps, LearningRate.Shape shape) {
    LearningRate curve = new LearningRate(kind, rate.learningRate.base(), warmupSteps, shape);
    return withRate(new Rate(curve, rate.chosen));
  }

  /** Returns a copy with this base learning rate, or 1 for Prodigy, unless one was chosen. */
  public TrainingOptions withUsualLearningRate(double base) {
    return rate.chosen ? this : withLearningRate(findsRate() ? 1 : base);
  }

  private TrainingOptions withRate(Rate other) {
    return new TrainingOptions(length, optimizer, other, textRate, maxGradNorm, ema, seed);
  }

  /**
   * Returns a copy with another base learning rate for text encoders; without this call it is that
   * of the other weights.
   */
  public TrainingOptions withTextEncoderLearningRate(double base) {
    require(
        base > 0 && Double.isFinite(base),
        "`textEncoderLearningRate` must be more than 0 and finite, but is " + base);
    return new TrainingOptions(
        length, optimizer, rate, OptionalDouble.of(base), maxGradNorm, ema, seed);
  }

  /** Returns a copy that clips gradients to this norm; 0 for no clipping. */
  public TrainingOptions withMaxGradNorm(double norm) {
    return new TrainingOptions(length, optimizer, rate, textRate, norm, ema, seed);
  }

  /** Returns a copy with a moving average of the weights, which samples and the saved model use. */
  public TrainingOptions withEma(Ema.Settings settings) {
    return new TrainingOptions(
        length, optimizer, rate, textRate, maxGradNorm, Optional.of(settings), seed);
  }

  /** Returns a copy without a moving average. */
  public TrainingOptions withoutEma() {
    return new TrainingOptions(
        length, optimizer, rate, textRate, maxGradNorm, Optional.empty(), seed);
  }

  /** Returns a copy with another seed. */
  public TrainingOptions withSeed(long other) {
    return new TrainingOptions(length, optimizer, rate, textRate, maxGradNorm, ema, other);
  }

  /**
   * Requires that the run has a step and an end.
   *
   * @throws InvalidOptionException if {@link #epochs} and {@link #maxSteps} are both 0
   */
  public TrainingOptions requireSteps() {
    if (epochs() == 0 && maxSteps() == 0) {
      throw new InvalidOptionException("`epochs` must be at least 1 if `maxSteps` is 0");
    }
    return this;
  }

  /**
   * Returns the optimiser steps of the whole run if an epoch has {@code perEpoch} micro-batches.
   */
  public long totalSteps(int perEpoch) {
    long all = epochs() * stepsPerEpoch(perEpoch);
    long most = length.maxSteps;
    return most == 0 ? all : epochs() == 0 ? most : Math.min(all, most);
  }

  /**
   * Returns the optimiser steps of an epoch of {@code perEpoch} micro-batches; the last step may be
   * shorter.
   */
  public long stepsPerEpoch(int perEpoch) {
    return (perEpoch + length.accumulation - 1L) / length.accumulation;
  }

  /**
   * Returns every option by its name in a run's {@code config.json}; the learning rate only if it
   * was chosen.
   */
  public Map<String, Object> settings() {
    Map<String, Object> settings = new TreeMap<>();
    settings.put("epochs", epochs());
    settings.put("max_steps", maxSteps());
    settings.put("gradient_accumulation_steps", gradientAccumulationSteps());
    settings.putAll(optimizer.settings());
    settings.putAll(rate.learningRate.settings());
    if (!rate.chosen) {
      settings.remove("learning_rate");
    }
    textRate.ifPresent(rate -> settings.put("text_encoder_learning_rate", rate));
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
