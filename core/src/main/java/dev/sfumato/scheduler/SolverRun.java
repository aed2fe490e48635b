package dev.sfumato.scheduler;

import dev.sfumato.SfumatoException;
import dev.sfumato.tensor.Rng;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.util.Arrays;
import java.util.Iterator;
import java.util.Optional;
import java.util.stream.IntStream;

/**
 * The base of all runs: their steps, the reading of the model's output, and the source of noise.
 * Here x has variance 1 and is the model's input unchanged; {@link SigmaRun} scales it.
 */
abstract class SolverRun implements Run {
  final PredictionType predictionType;
  final Limit limit;
  private final boolean learnedVariance;
  private final double[] timesteps;
  private final Rng rng;
  private final int trained;
  private int first;
  private int last;

  SolverRun(SchedulerConfig config, double[] timesteps, Rng rng) {
    this.predictionType = config.predictionType();
    this.limit = Limit.of(config);
    this.learnedVariance = config.varianceType().isLearned();
    this.timesteps = timesteps;
    this.trained = config.numTrainTimesteps();
    this.last = timesteps.length;
    this.rng = rng;
  }

  /** Returns the mixture of x at {@code step}, scaled to variance 1. */
  abstract NoiseLevel level(Step step);

  @Override
  public final Iterator<Step> iterator() {
    int count = timesteps.length;
    return IntStream.range(first, last).mapToObj(i -> new Step(i, count, timesteps[i])).iterator();
  }

  /** Leaves out the steps before {@code index}; to be called before any step is taken. */
  SolverRun beginAt(int index) {
    first = index;
    return this;
  }

  /** Leaves out the steps outside of a part; see {@link Scheduler#between}. */
  final Run between(double from, double until, int evaluations) {
    int end = until < 1 ? stepsBefore(until) : timesteps.length;
    int begin = from > 0 ? stepsBefore(from) : first;
    // Two evaluations of one step stay together.
    boolean cut = from > 0 && evaluations == 2 && (timesteps.length - begin) % 2 == 0;
    begin = cut ? begin - 1 : begin;
    if (begin < first || begin >= end) {
      throw new SfumatoException(
          "no step lies between "
              + from
              + " and "
              + until
              + " of the noise levels: take more steps, or another part");
    }
    last = end;
    return begin == first ? this : beginAt(begin);
  }

  private int stepsBefore(double part) {
    double cutoff = Math.rint(trained - part * trained);
    return (int) Arrays.stream(timesteps).filter(t -> t >= cutoff).count();
  }

  /** The index of the first step. */
  final int first() {
    return first;
  }

  @Override
  public final PredictionType predictionType() {
    return predictionType;
  }

  @Override
  public final Optional<Step> following(Step step) {
    int next = step.index() + 1;
    return next < timesteps.length
        ? Optional.of(new Step(next, timesteps.length, timesteps[next]))
        : Optional.empty();
  }

  @Override
  public final double nextAlphaCumprod(Step step) {
    return following(step).map(this::alphaCumprod).orElse(1.0);
  }

  @Override
  public double inputScale(Step step) {
    return 1;
  }

  @Override
  public Tensor addNoise(Tensor x0, Tensor noise, Step step) {
    NoiseLevel level = level(step);
    return Scope.run(() -> x0.mul(level.signal()).add(noise.mul(level.sigma())));
  }

  @Override
  public double initNoiseSigma() {
    return 1;
  }

  @Override
  public double alphaCumprod(Step step) {
    // Computed as 1 - signal^2 it would lose digits near the clean picture.
    double ratio = (double) level(step).sigma() / level(step).signal();
    return 1 / (1 + ratio * ratio);
  }

  @Override
  public Tensor scaleModelInput(Tensor x, Step step) {
    return x;
  }

  @Override
  public final Tensor predictX0(Tensor modelOutput, Tensor x, Step step) {
    return Scope.run(() -> x0(prediction(modelOutput, x), x, step));
  }

  /** Returns the limited x_0, in the current scope. */
  Tensor x0(Tensor prediction, Tensor x, Step step) {
    return limit.apply(level(step).x0(predictionType, prediction, x));
  }

  /** Returns the noise, in the current scope. */
  final Tensor epsilon(Tensor prediction, Tensor x, Step step) {
    return level(step).epsilon(predictionType, prediction, x);
  }

  /** Returns the noise that belongs to a limited x_0, in the current scope. */
  final Tensor epsilonOfX0(Tensor x0, Tensor x, Step step) {
    return level(step).epsilon(PredictionType.SAMPLE, x0, x);
  }

  /** Returns the part of the model's output for the picture (B, C, H, W), in the type of x. */
  final Tensor prediction(Tensor modelOutput, Tensor x) {
    return part(modelOutput, x, 0);
  }

  /** Returns the part of the model's output for the variance (B, C, H, W). */
  final Tensor variance(Tensor modelOutput, Tensor x) {
    if (modelOutput.size(1) != 2 * x.size(1)) {
      throw unfit(modelOutput, x);
    }
    return part(modelOutput, x, x.size(1));
  }

  /**
   * Draws standard normal noise for the whole batch, in one draw on the CPU so that devices agree.
   */
  final Tensor noise(Tensor x) {
    return rng.normal(x.shape()).to(x.device()).to(x.dtype());
  }

  private Tensor part(Tensor modelOutput, Tensor x, long firstChannel) {
    long[] expected = x.shape();
    boolean whole = Arrays.equals(modelOutput.shape(), expected);
    expected[1] *= 2;
    if (whole) {
      return modelOutput.to(x.dtype());
    }
    if (!learnedVariance || !Arrays.equals(modelOutput.shape(), expected)) {
      throw unfit(modelOutput, x);
    }
    return modelOutput.narrow(1, firstChannel, x.size(1)).to(x.dtype());
  }

  private SfumatoException unfit(Tensor modelOutput, Tensor x) {
    return new SfumatoException(
        "the model's output "
            + Arrays.toString(modelOutput.shape())
            + " does not fit the sample "
            + Arrays.toString(x.shape())
            + (learnedVariance
                ? ": a learned variance_type needs twice as many channels"
                : ": without a learned variance_type it must have the same shape"));
  }
}
