package dev.sfumato.guidance;

import dev.sfumato.scheduler.Run;
import dev.sfumato.scheduler.Step;
import dev.sfumato.tensor.Tensor;

/** A published way to steer: what guides see, and what their gradient moves. */
public enum GuidanceRule {
  /** Guides see predictedX0, and x moves against the gradient. */
  PLAIN,

  /**
   * The rule of {@code clip_guided_stable_diffusion}, a community pipeline of diffusers, for guides
   * of any kind; with a gradient through the network it is the published one. The gradient is that
   * of a prediction without classifier-free guidance. Guides see, with a = alphaCumprod,
   *
   * <pre>sqrt(1 - a) predictedX0 + (1 - sqrt(1 - a)) x</pre>
   *
   * limited to [-1, 1] after decoding, and the noise in the model's output moves, not x:
   *
   * <pre>eps = eps + sqrt(1 - a) gradient</pre>
   *
   * Schedulers such as lms and euler do not keep x at variance 1. With these, guides see
   * predictedX0, and x itself moves: {@code x = x - sigma^2 gradient}.
   */
  CLIP_GUIDED;

  /** Returns true if the gradient is that of the prediction with the wanted condition alone. */
  boolean asksForConditionAlone() {
    return this == CLIP_GUIDED;
  }

  /** Returns what is decoded for the guides (B, C, H, W). */
  Tensor seen(Tensor predictedX0, Tensor x, Run run, Step step) {
    if (!movesNoise(run, step)) {
      return predictedX0;
    }
    double share = Math.sqrt(1 - run.alphaCumprod(step));
    return predictedX0.mul(share).add(x.mul(1 - share));
  }

  /** Returns the decoded pictures as guides see them. */
  Tensor limited(Tensor pictures) {
    return this == PLAIN ? pictures : pictures.clamp(-1, 1);
  }

  /** Returns {@code plain} moved against {@code gradient}, which is that with respect to its x. */
  Prediction moved(Prediction plain, Tensor gradient, Run run, Step step) {
    double a = run.alphaCumprod(step);
    if (movesNoise(run, step)) {
      Tensor delta = gradient.mul((a - 1) / Math.sqrt(a)); // of predictedX0, for that of the noise
      return MeanGuidance.Kind.UNIVERSAL.shifted(plain, delta, run, step);
    }
    Tensor x = plain.x().sub(this == PLAIN ? gradient : gradient.mul((1 - a) / a));
    return plain.moved(plain.modelOutput(), x);
  }

  private boolean movesNoise(Run run, Step step) {
    return this == CLIP_GUIDED && run.inputScale(step) == 1;
  }
}
