package dev.sfumato.sampling;

import dev.sfumato.SfumatoException;
import dev.sfumato.guidance.ConditionedDenoiser;
import dev.sfumato.guidance.Conditioning;
import dev.sfumato.guidance.Guidance;
import dev.sfumato.guidance.Prediction;
import dev.sfumato.model.Denoiser;
import dev.sfumato.model.PictureSpace;
import dev.sfumato.scheduler.Run;
import dev.sfumato.scheduler.RunOptions;
import dev.sfumato.scheduler.Scheduler;
import dev.sfumato.scheduler.Step;
import dev.sfumato.tensor.Autograd;
import dev.sfumato.tensor.Rng;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.util.Locale;
import java.util.concurrent.CancellationException;

/**
 * Turns noise into pictures with a network and a scheduler: the loop that all pipelines share.
 * Whoever has a model directory calls {@code DiffusionPipeline.sample} instead.
 *
 * <p>Immutable, and any number of threads may sample at once, each with a generator of its own.
 */
public final class Sampler {
  private final Denoiser denoiser;
  private final Scheduler scheduler;
  private PictureSpace space = PictureSpace.PIXELS;
  private Conditioning conditioning = Conditioning.NONE;
  private Guidance guidance = Guidance.NONE;
  private RunOptions runOptions = RunOptions.defaults();
  private int batchSize = Integer.MAX_VALUE;

  /** Watches a sampling; what it is handed is freed after the call. */
  @FunctionalInterface
  public interface Listener {
    /** Watches nothing. */
    Listener NONE = (step, x) -> {};

    /**
     * Called after each step. What it throws ends the sampling.
     *
     * @param step the step
     * @param x what the network denoises (B, C, H, W), after the step
     */
    void onStep(Step step, Tensor x);

    /** Called before each step with what it is going to be taken with. */
    default void onPrediction(Step step, Prediction prediction) {}
  }

  /** A step gave NaN or infinity. */
  public static final class NotFinite extends SfumatoException {
    private static final long serialVersionUID = 1L;

    private NotFinite(String message) {
      super(message);
    }
  }

  /** Samples pixels without a condition or guidance, all pictures at once. */
  public Sampler(Denoiser denoiser, Scheduler scheduler) {
    this.denoiser = denoiser;
    this.scheduler = scheduler;
  }

  private Sampler copy() {
    Sampler copy = new Sampler(denoiser, scheduler);
    copy.space = space;
    copy.conditioning = conditioning;
    copy.guidance = guidance;
    copy.runOptions = runOptions;
    copy.batchSize = batchSize;
    return copy;
  }

  /** The same with samples that {@code space} decodes to pictures. */
  public Sampler withSpace(PictureSpace space) {
    Sampler copy = copy();
    copy.space = space;
    return copy;
  }

  /** The same with pictures that are asked for. */
  public Sampler withConditioning(Conditioning conditioning) {
    Sampler copy = copy();
    copy.conditioning = conditioning;
    return copy;
  }

  /** The same with pictures that are steered. */
  public Sampler withGuidance(Guidance guidance) {
    Sampler copy = copy();
    copy.guidance = guidance;
    return copy;
  }

  /** The same with what the scheduler is told, such as eta. */
  public Sampler withRunOptions(RunOptions runOptions) {
    Sampler copy = copy();
    copy.runOptions = runOptions;
    return copy;
  }

  /** The same with at most {@code batchSize} pictures in the network at once. */
  public Sampler withBatchSize(int batchSize) {
    Sampler copy = copy();
    copy.batchSize = batchSize;
    return copy;
  }

  /**
   * Samples. {@code random} draws the noise of the start in one call and then, step by step, what
   * the guidance and what the scheduler needs. The batch size never changes the result, rounding of
   * the last bits aside.
   *
   * <p>A thread that is interrupted stops before its next step; all that was made is freed.
   *
   * @param steps of the scheduler
   * @return the decoded pictures (B, C, H, W), around [-1, 1] but not clamped
   * @throws NotFinite naming the step that gave NaN or infinity
   * @throws SfumatoException if the start or the steps do not suit the model
   * @throws CancellationException if the thread was interrupted
   */
  public Tensor sample(Start start, int steps, Rng random, Listener listener) {
    long[] shape = start.shape();
    if (shape.length == 4) {
      denoiser.requireSize(shape[2], shape[3]);
    }
    try (Scope scope = Scope.open();
        Autograd.Recording off = Autograd.off()) {
      ConditionedDenoiser conditioned =
          new ConditionedDenoiser(denoiser, space, conditioning.to(denoiser.device()), batchSize);
      Tensor noise = random.normal(shape).to(denoiser.device());
      Run run =
          start.x0().isPresent()
              ? scheduler.begin(steps, start.strength(), runOptions, random)
              : scheduler.begin(steps, runOptions, random);
      Tensor x =
          start
              .x0()
              .map(x0 -> run.addNoise(x0.to(denoiser.device()), noise, run.iterator().next()))
              .orElseGet(() -> noise.mul(run.initNoiseSigma()));
      for (Step step : run) {
        requireNotInterrupted();
        try (Scope inner = Scope.open()) {
          Prediction prediction = guidance.steer(conditioned, run, step, x, random);
          listener.onPrediction(step, prediction);
          x = inner.replace(x, run.step(prediction.modelOutput(), prediction.x(), step));
          requireFinite(x, prediction, step);
          listener.onStep(step, x);
        }
      }
      return scope.keep(conditioned.pictures(guidance.finish(x)));
    }
  }

  private static void requireNotInterrupted() {
    if (Thread.currentThread().isInterrupted()) {
      throw new CancellationException("the sampling was interrupted");
    }
  }

  private static void requireFinite(Tensor x, Prediction prediction, Step step) {
    if (!x.isFinite()) {
      throw new NotFinite(
          String.format(
              Locale.ROOT,
              "step %d of %d: %s NaN or infinity: %s",
              step.index() + 1,
              step.count(),
              prediction.modelOutput().isFinite()
                  ? "the scheduler's step gives"
                  : "the network predicts",
              "the model's weights or settings are damaged, or do not suit the scheduler"));
    }
  }
}
