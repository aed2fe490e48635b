package dev.sfumato.guidance;

import dev.sfumato.SfumatoException;
import dev.sfumato.model.PictureSpace;
import dev.sfumato.scheduler.Run;
import dev.sfumato.scheduler.Step;
import dev.sfumato.tensor.Rng;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;

/**
 * Steers a sampling by the losses of guides. At each step, with {@code output} the network's:
 *
 * <pre>
 * predictedX0 = run.predictX0(output, x)
 * loss = sum of scale * schedule(t) * guide(predictedX0)
 * x = x - clamp(d loss / dx)
 * </pre>
 *
 * then the scheduler's own step with the same {@code output}; a {@link GuidanceRule} changes this.
 * If the gradient of a step is not finite, x does not change, and a warning says so.
 *
 * <pre>{@code
 * Guidance.of(guides, GradientMode.EXACT).withClamp(GradientClamp.parse("1")).withRecurrence(2)
 * }</pre>
 *
 * <p>Immutable.
 */
public final class Guidance implements Cloneable {
  /** Plain sampling. */
  public static final Guidance NONE = of(List.of(), GradientMode.SHORTCUT);

  private List<ScheduledGuide> guides = List.of();
  private GradientMode mode = GradientMode.SHORTCUT;
  private GuidanceRule rule = GuidanceRule.PLAIN;
  private Optional<PictureSpace> decoder = Optional.empty();
  private GradientClamp clamp = GradientClamp.NONE;
  private MeanGuidance meanGuidance = MeanGuidance.NONE;
  private int recurrence = 1;
  private Optional<Inpainting> inpainting = Optional.empty();

  private Guidance() {}

  private Guidance with(Consumer<Guidance> change) {
    try {
      Guidance copy = (Guidance) clone();
      change.accept(copy);
      return copy;
    } catch (CloneNotSupportedException e) {
      throw new AssertionError(e);
    }
  }

  /**
   * Returns the plain update by the sum of {@code guides}.
   *
   * @param mode the path of the gradient
   * @throws SfumatoException if two guides have the same name
   */
  public static Guidance of(List<ScheduledGuide> guides, GradientMode mode) {
    return new Guidance().with(copy -> copy.mode = mode).withGuides(guides);
  }

  /** The guides whose losses are added; none for plain sampling. */
  public List<ScheduledGuide> guides() {
    return guides;
  }

  /** Returns the path of the gradient. */
  public GradientMode mode() {
    return mode;
  }

  /** Returns what the guides see and what their gradient moves. */
  public GuidanceRule rule() {
    return rule;
  }

  /** Returns the decoder that guides look through, if it is not the model's own. */
  public Optional<PictureSpace> decoder() {
    return decoder;
  }

  /** The gradient's limit. */
  public GradientClamp clamp() {
    return clamp;
  }

  /** Descent on predictedX0 itself. */
  public MeanGuidance meanGuidance() {
    return meanGuidance;
  }

  /** The times that each step is taken. */
  public int recurrence() {
    return recurrence;
  }

  /** Returns the known parts of the pictures. */
  public Optional<Inpainting> inpainting() {
    return inpainting;
  }

  /**
   * Returns the same with other guides.
   *
   * @throws SfumatoException if two guides have the same name
   */
  public Guidance withGuides(List<ScheduledGuide> guides) {
    if (guides.stream().map(ScheduledGuide::name).distinct().count() < guides.size()) {
      throw new SfumatoException("two guides have the same name: give each its own");
    }
    return with(copy -> copy.guides = List.copyOf(guides));
  }

  /** Returns the same by another rule. */
  public Guidance withRule(GuidanceRule rule) {
    return with(copy -> copy.rule = rule);
  }

  /**
   * Returns the same with another decoder for the guides of a latent model, such as a small {@link
   * dev.sfumato.model.AutoencoderTiny}; the finished pictures are still the model's own. It stays
   * the caller's, to be moved to the model's device and closed by it.
   */
  public Guidance withDecoder(PictureSpace decoder) {
    return with(copy -> copy.decoder = Optional.of(decoder));
  }

  /** Returns the same with a limit for the gradient. */
  public Guidance withClamp(GradientClamp clamp) {
    return with(copy -> copy.clamp = clamp);
  }

  /** Returns the same with descent on predictedX0. */
  public Guidance withMeanGuidance(MeanGuidance meanGuidance) {
    return with(copy -> copy.meanGuidance = meanGuidance);
  }

  /**
   * Returns the same with each step taken {@code recurrence} times: all but the last time, the
   * picture travels back to the noise of the step (FreeDoM, Yu et al. 2023; Universal Guidance,
   * Bansal et al. 2023; with inpainting, the resampling of RePaint, Lugmayr et al. 2022).
   *
   * @throws SfumatoException if it is below 1
   */
  public Guidance withRecurrence(int recurrence) {
    if (recurrence < 1) {
      throw new SfumatoException("recurrence must be at least 1, not " + recurrence);
    }
    return with(copy -> copy.recurrence = recurrence);
  }

  /** Returns the same with partly known pictures. */
  public Guidance withInpainting(Inpainting inpainting) {
    return with(copy -> copy.inpainting = Optional.of(inpainting));
  }

  /**
   * Predicts the input of the scheduler's step.
   *
   * @param x the noisy pictures (B, C, H, W) at {@code step}; not changed
   * @param random the generator of guides, inpainting and recurrence, used before the scheduler
   *     draws
   * @throws SfumatoException if a guide's loss is not a single number or has no gradient
   */
  public Prediction steer(ConditionedDenoiser denoiser, Run run, Step step, Tensor x, Rng random) {
    UnaryOperator<Tensor> keeper = Scope.keeper();
    try (Scope scope = Scope.open()) {
      Steering steering = new Steering(this, denoiser, run, step, random);
      List<Prediction> earlier = new ArrayList<>();
      Tensor current = x;
      for (int again = 1; again < recurrence; again++) {
        Tensor noisy = current;
        current =
            Scope.run(
                () -> {
                  Prediction predicted = steering.predict(noisy).kept(keeper);
                  earlier.add(predicted);
                  return steering.travelBack(predicted);
                });
      }
      Prediction prediction = steering.predict(current).kept(keeper).after(earlier);
      scope.keep(prediction.modelOutput());
      scope.keep(prediction.x());
      return prediction;
    }
  }

  /** Returns {@code x} (B, C, H, W) after {@code step}, with known latents put back. */
  public Tensor after(Run run, Step step, Tensor x) {
    return inpainting.map(known -> known.after(run, step, x)).orElse(x);
  }

  /** Finishes the pictures: known pixels get exactly their known values. */
  public Tensor finish(Tensor x) {
    return inpainting.map(known -> known.finish(x)).orElse(x);
  }

  /** Returns the guides that act at {@code step}. */
  List<ScheduledGuide> actingAt(Step step) {
    return guides.stream().filter(guide -> guide.weight().actsAt(step)).toList();
  }
}
