package dev.sfumato.guidance;

import dev.sfumato.SfumatoException;
import dev.sfumato.scheduler.Run;
import dev.sfumato.scheduler.Step;
import dev.sfumato.tensor.Rng;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;

/**
 * Partly known pictures. Known pixels get the noise of each step before it, fresh each time, and
 * have exactly their values at the end (RePaint, Lugmayr et al. 2022, arXiv 2201.09865, eq. 8).
 * Known latents are put back after each step with one noise, as in diffusers' inpainting pipelines.
 *
 * @param picture (1 or B, C, H, W), in [-1, 1] or latents, on the network's device
 * @param redraw (1 or B, 1, H, W) bool, true for the parts to draw, on that device
 * @param noise the noise of known latents, in the shape of the samples, on that device; empty for
 *     pixels
 */
public record Inpainting(Tensor picture, Tensor redraw, Optional<Tensor> noise) {
  /**
   * @throws SfumatoException if the mask has another size
   */
  public Inpainting {
    if (picture.size(2) != redraw.size(2) || picture.size(3) != redraw.size(3)) {
      throw new SfumatoException(
          String.format(
              Locale.ROOT,
              "the mask is %d x %d pixels, but the picture %d x %d",
              redraw.size(3),
              redraw.size(2),
              picture.size(3),
              picture.size(2)));
    }
  }

  /** Makes the completion of pixels. */
  public Inpainting(Tensor picture, Tensor redraw) {
    this(picture, redraw, Optional.empty());
  }

  /** Returns {@code x} before {@code step} with the known pixels, noised to that step, put in. */
  Tensor before(Run run, Step step, Tensor x, Rng random) {
    requireFits(x);
    if (noise.isPresent()) {
      return x;
    }
    return Scope.run(
        () -> {
          Tensor fresh = random.normal(x.shape()).to(x.device());
          return x.where(redraw, run.addNoise(picture, fresh, step));
        });
  }

  /** Returns {@code x} after {@code step}, with known latents at the noise of the next step. */
  Tensor after(Run run, Step step, Tensor x) {
    return noise.isEmpty()
        ? x
        : Scope.run(
            () ->
                x.where(
                    redraw,
                    run.following(step)
                        .map(next -> run.addNoise(picture, noise.get(), next))
                        .orElse(picture)));
  }

  /** Returns {@code x} after the last step, with exactly the known pixels. */
  Tensor finish(Tensor x) {
    return noise.isPresent() ? x : x.where(redraw, picture);
  }

  private void requireFits(Tensor x) {
    long[] expected = x.shape();
    expected[0] = picture.size(0);
    if (!Arrays.equals(picture.shape(), expected)) {
      throw new SfumatoException(
          String.format(
              Locale.ROOT,
              "the picture to complete is %s, but the model draws %s (C, H, W)",
              size(picture),
              size(x)));
    }
  }

  private static String size(Tensor x) {
    return x.size(1) + " x " + x.size(2) + " x " + x.size(3);
  }
}
