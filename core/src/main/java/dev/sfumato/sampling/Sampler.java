package dev.sfumato.sampling;

import dev.sfumato.InvalidOptionException;
import dev.sfumato.SfumatoException;
import dev.sfumato.guidance.ConditionedDenoiser;
import dev.sfumato.guidance.Conditioning;
import dev.sfumato.guidance.GradientMode;
import dev.sfumato.guidance.Guidance;
import dev.sfumato.guidance.Prediction;
import dev.sfumato.model.Denoiser;
import dev.sfumato.model.PictureSpace;
import dev.sfumato.scheduler.Run;
import dev.sfumato.scheduler.RunOptions;
import dev.sfumato.scheduler.Scheduler;
import dev.sfumato.scheduler.Step;
import dev.sfumato.tensor.Autocast;
import dev.sfumato.tensor.Autograd;
import dev.sfumato.tensor.Precision;
import dev.sfumato.tensor.Rng;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import java.util.function.Consumer;
import java.util.function.Supplier;

/**
 * Turns noise into pictures with a network and a scheduler: the loop that all pipelines share. For
 * a model directory use {@code DiffusionPipeline.sample} instead.
 *
 * <p>Immutable; any number of threads may sample at once, each with its own generator.
 */
public final class Sampler {
  private final Denoiser denoiser;
  private final Scheduler scheduler;
  private PictureSpace space = PictureSpace.PIXELS;
  private Conditioning conditioning = Conditioning.NONE;
  private Guidance guidance = Guidance.NONE;
  private RunOptions runOptions = RunOptions.defaults();
  private int batchSize = Integer.MAX_VALUE;

  /** Watches a sampling; its arguments are freed after each call. */
  @FunctionalInterface
  public interface Listener {
    /** A listener that does nothing. */
    Listener NONE = (step, x) -> {};

    /**
     * Called after each step. An exception ends the sampling.
     *
     * @param step the step
     * @param x the network's samples (B, C, H, W) after the step
     */
    void onStep(Step step, Tensor x);

    /** Called before each step with the step's prediction. */
    default void onPrediction(Step step, Prediction prediction) {}

    /**
     * Called before each step with the clean samples (B, C, H, W) that its prediction stands for,
     * which are computed when they are asked for. {@link PictureSpace#preview} shows them.
     */
    default void onPredictedX0(Step step, Supplier<Tensor> x0) {}

    /**
     * Called at the end for each picture that the model's safety checker flags and that therefore
     * becomes black.
     *
     * @param picture its number, from 0
     */
    default void onFlagged(int picture) {}

    /** Called at the start for each prompt that a text encoder cuts; by default it is logged. */
    default void onCutPrompt(String warning) {
      System.getLogger(Sampler.class.getName()).log(System.Logger.Level.WARNING, warning);
    }
  }

  /** The failure of a step that gave NaN or infinity; on a card it comes after the last step. */
  public static final class NotFinite extends SfumatoException {
    private static final long serialVersionUID = 1L;

    NotFinite(String message) {
      super(message);
    }
  }

  /** Makes a sampler of pixels without a condition or guidance, for all pictures at once. */
  public Sampler(Denoiser denoiser, Scheduler scheduler) {
    this.denoiser = denoiser;
    this.scheduler = scheduler;
  }

  private Sampler with(Consumer<Sampler> change) {
    Sampler copy = new Sampler(denoiser, scheduler);
    copy.space = space;
    copy.conditioning = conditioning;
    copy.guidance = guidance;
    copy.runOptions = runOptions;
    copy.batchSize = batchSize;
    change.accept(copy);
    return copy;
  }

  /** Returns the same sampler with samples that {@code space} decodes to pictures. */
  public Sampler withSpace(PictureSpace space) {
    return with(copy -> copy.space = space);
  }

  /** Returns the same sampler with conditions. */
  public Sampler withConditioning(Conditioning conditioning) {
    return with(copy -> copy.conditioning = conditioning);
  }

  /** Returns the same sampler with guidance. */
  public Sampler withGuidance(Guidance guidance) {
    return with(copy -> copy.guidance = guidance);
  }

  /** Returns the same sampler with options of the scheduler, such as eta. */
  public Sampler withRunOptions(RunOptions runOptions) {
    return with(copy -> copy.runOptions = runOptions);
  }

  /** Returns the same sampler with at most {@code batchSize} pictures in the network at once. */
  public Sampler withBatchSize(int batchSize) {
    return with(copy -> copy.batchSize = batchSize);
  }

  /**
   * Samples pictures. {@code random} draws the noise of the start in one call, unless the start has
   * it, and then, step by step, the numbers for the guidance and the scheduler. The batch size
   * changes the result at most in the last bits.
   *
   * <p>An interrupted thread stops before its next step and frees all tensors.
   *
   * @param steps the number of steps of the scheduler
   * @return the decoded pictures (B, C, H, W), around [-1, 1] but not clamped
   * @throws NotFinite naming the step that gave NaN or infinity
   * @throws SfumatoException if the start or the steps do not fit the model, or a gradient would go
   *     through a network in fp16
   * @throws CancellationException if the thread was interrupted
   */
  public Tensor sample(Start start, int steps, Rng random, Listener listener) {
    try (Scope scope = Scope.open();
        Autograd.Recording off = Autograd.off()) {
      Tensor x = samples(start, 1, steps, random, listener);
      return scope.keep(conditioned(space).pictures(guidance.finish(x)));
    }
  }

  private ConditionedDenoiser conditioned(PictureSpace decoder) {
    return new ConditionedDenoiser(
        denoiser, decoder, conditioning.to(denoiser.device()), batchSize);
  }

  /** Returns what decodes for the guides. */
  private PictureSpace guideSpace() {
    PictureSpace decoder = guidance.decoder().orElse(space);
    if (decoder.scale() != space.scale()) {
      throw new SfumatoException(
          String.format(
              Locale.ROOT,
              "the guides' decoder enlarges %d times, but the model's pictures are %d times as large"
                  + " as its samples: take a decoder for this model",
              decoder.scale(),
              space.scale()));
    }
    return decoder;
  }

  /**
   * Samples without decoding, up to a part of the noise levels; another network may go on from
   * there, see {@link Start#goingOn}.
   *
   * @param until the part of the noise levels that is done at the end, 1 for all
   * @return the network's samples (B, C, H, W)
   */
  public Tensor samples(Start start, double until, int steps, Rng random, Listener listener) {
    requireGradients();
    long[] shape = start.shape();
    if (shape.length == 4) {
      denoiser.requireSize(shape[2], shape[3]);
    }
    try (Scope scope = Scope.open();
        Autocast.Casts once = Autocast.keepCasts();
        Autograd.Recording off = Autograd.off()) {
      ConditionedDenoiser conditioned = conditioned(guideSpace());
      Optional<Tensor> noise =
          start.done() > 0
              ? Optional.empty()
              : Optional.of(start.noise().orElseGet(() -> random.normal(shape)));
      Run whole =
          start.x0().isPresent()
              ? scheduler.begin(steps, start.strength(), runOptions, random)
              : scheduler.begin(steps, runOptions, random);
      Run run =
          start.done() > 0 || until < 1 ? scheduler.between(whole, start.done(), until) : whole;
      Tensor x = first(run, start, noise.map(n -> n.to(denoiser.device())));
      StepChecks checks = new StepChecks(denoiser.precision());
      for (Step step : run) {
        requireNotInterrupted();
        try (Scope inner = Scope.open()) {
          Prediction prediction = guidance.steer(conditioned, run, step, x, random);
          listener.onPrediction(step, prediction);
          listener.onPredictedX0(
              step, () -> run.predictX0(prediction.modelOutput(), prediction.x(), step));
          Tensor next = run.step(prediction.modelOutput(), prediction.x(), step);
          x = inner.replace(x, guidance.after(run, step, next));
          checks.check(x, prediction, step);
          listener.onStep(step, x);
        }
      }
      checks.checkLast();
      return scope.keep(x);
    }
  }

  private void requireGradients() {
    Precision precision = denoiser.precision();
    boolean throughNetwork = guidance.mode() == GradientMode.EXACT && !guidance.guides().isEmpty();
    if (throughNetwork && precision != precision.ofGradients()) {
      throw new InvalidOptionException(
          "`gradient` exact goes through the network, where fp16 loses small gradients: use"
              + " `precision` bf16 or fp32, or `gradient` shortcut");
    }
  }

  private Tensor first(Run run, Start start, Optional<Tensor> noise) {
    Optional<Tensor> x0 = start.x0().map(x -> x.to(denoiser.device()));
    if (noise.isEmpty()) {
      return x0.orElseThrow().copy(); // each step frees its input
    }
    return x0.map(x -> run.addNoise(x, noise.get(), run.iterator().next()))
        .orElseGet(() -> noise.get().mul(run.initNoiseSigma()));
  }

  private static void requireNotInterrupted() {
    if (Thread.currentThread().isInterrupted()) {
      throw new CancellationException("the sampling was interrupted");
    }
  }
}
