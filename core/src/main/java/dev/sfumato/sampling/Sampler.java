package dev.sfumato.sampling;

import dev.sfumato.SfumatoException;
import dev.sfumato.guidance.ConditionedDenoiser;
import dev.sfumato.guidance.Conditioning;
import dev.sfumato.guidance.Guidance;
import dev.sfumato.guidance.Prediction;
import dev.sfumato.model.ClassConditionedUNet;
import dev.sfumato.scheduler.Run;
import dev.sfumato.scheduler.Scheduler;
import dev.sfumato.scheduler.Step;
import dev.sfumato.tensor.Autograd;
import dev.sfumato.tensor.Device;
import dev.sfumato.tensor.Rng;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;

/**
 * Turns noise into pictures with a network and a scheduler.
 *
 * @param denoiser the network
 * @param scheduler the update rule
 * @param guidance what steers
 */
public record Sampler(ClassConditionedUNet denoiser, Scheduler scheduler, Guidance guidance) {

  /** Watches a run; what it is handed is freed after the call. */
  @FunctionalInterface
  public interface Listener {
    /**
     * Called after each step.
     *
     * @param step the step
     * @param x the pictures (B, C, H, W) after it
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

  /** Samples without guidance. */
  public Sampler(ClassConditionedUNet denoiser, Scheduler scheduler) {
    this(denoiser, scheduler, Guidance.NONE);
  }

  /**
   * Samples pictures. {@code random} draws the start noise of all of them in one call and then,
   * step by step, what the guidance and what the scheduler needs.
   *
   * @return (count, C, H, W) as the last step left them, around [-1, 1] but not clamped
   * @throws NotFinite naming the step that gave NaN or infinity
   * @throws SfumatoException if the options do not suit the model
   */
  public Tensor sample(SamplingOptions options, Rng random, Listener listener) {
    denoiser.requireSize(options.height(), options.width());
    Device device = denoiser.device();
    try (Scope scope = Scope.open();
        Autograd.Recording off = Autograd.off()) {
      ConditionedDenoiser conditioned =
          new ConditionedDenoiser(
              denoiser,
              scheduler.config().predictionType(),
              conditioning(options).to(device),
              options.batchSize());
      Tensor noise =
          random.normal(options.count(), denoiser.channels(), options.height(), options.width());
      Run run = scheduler.begin(options.steps(), options.run(), random);
      Tensor x = noise.to(device).mul(run.initNoiseSigma());
      for (Step step : run) {
        try (Scope inner = Scope.open()) {
          Prediction prediction = guidance.steer(conditioned, run, step, x, random);
          listener.onPrediction(step, prediction);
          x = inner.replace(x, run.step(prediction.modelOutput(), prediction.x(), step));
          requireFinite(x, prediction, step);
          listener.onStep(step, x);
        }
      }
      return scope.keep(guidance.finish(x));
    }
  }

  private static void requireFinite(Tensor x, Prediction prediction, Step step) {
    if (!x.isFinite()) {
      throw new NotFinite(
          "step %d of %d: %s NaN or infinity: %s"
              .formatted(
                  step.index() + 1,
                  step.count(),
                  prediction.modelOutput().isFinite()
                      ? "the scheduler's step gives"
                      : "the network predicts",
                  "the model's weights or settings are damaged, or do not suit the scheduler"));
    }
  }

  private Conditioning conditioning(SamplingOptions options) {
    return new Conditioning(
        denoiser.given(options.labels(), options.count()),
        denoiser.missing(),
        options.classGuidance());
  }
}
