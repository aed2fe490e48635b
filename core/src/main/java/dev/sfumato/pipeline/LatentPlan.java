package dev.sfumato.pipeline;

import dev.sfumato.guidance.Conditioning;
import dev.sfumato.guidance.Inpainting;
import dev.sfumato.model.MaskedPictures;
import dev.sfumato.model.PictureSpace;
import dev.sfumato.sampling.SamplingOptions;
import dev.sfumato.sampling.Start;
import dev.sfumato.tensor.Autograd;
import dev.sfumato.tensor.Rng;
import dev.sfumato.tensor.Tensor;
import java.util.Optional;

/**
 * Makes the plans of a latent model. Numbers are drawn in the order of diffusers' pipelines: the
 * picture's posterior, the noise, the masked picture's posterior.
 *
 * @param space of the latents
 * @param channels of the latents
 * @param readsMasks whether the U-Net reads a mask and masked latents; otherwise known latents are
 *     put back after each step
 */
record LatentPlan(PictureSpace space, int channels, boolean readsMasks) {

  /** Makes a plan in the current scope. */
  Plan of(SamplingOptions options, Conditioning conditioning, LoadedSources sources, Rng random) {
    try (Autograd.Recording off = Autograd.off()) {
      boolean completes = options.mask().isPresent() || readsMasks;
      double strength = options.strength().orElse(1);
      Optional<Tensor> picture = options.picture().map(sources::start);
      boolean fromNoise = completes && strength == 1;
      Optional<Tensor> x0 =
          picture
              .filter(p -> !(readsMasks && fromNoise))
              .map(p -> space.encode(p, random).expand(options.count(), -1, -1, -1));
      Tensor noise = random.normal(shape(options));
      Start start =
          x0.isPresent() && !fromNoise ? Start.of(x0.get(), strength) : Start.noise(noise.shape());
      Plan plan = new Plan(start.withNoise(noise), conditioning, sources.guidance(options));
      return completes ? completing(plan, x0, options, sources, random) : plan;
    }
  }

  private long[] shape(SamplingOptions options) {
    int scale = space.scale();
    return new long[] {
      options.count(),
      channels,
      options.height().getAsInt() / scale,
      options.width().getAsInt() / scale
    };
  }

  /** Adds the mask and the known part of the picture: nothing of it if there is no mask. */
  private Plan completing(
      Plan plan, Optional<Tensor> x0, SamplingOptions options, LoadedSources sources, Rng random) {
    Tensor redraw =
        options
            .mask()
            .map(mask -> sources.mask(options.picture().orElseThrow(), mask))
            .orElseGet(() -> sources.grey().narrow(1, 0, 1).add(1));
    Tensor picture = options.picture().map(sources::start).orElseGet(() -> sources.grey());
    MaskedPictures masked = new MaskedPictures(picture, redraw);
    Tensor known = space.encode(masked.known(), random);
    if (readsMasks) {
      Conditioning more = plan.conditioning().withChannels(masked.channels(known));
      return new Plan(plan.start(), more, plan.guidance());
    }
    Inpainting putBack =
        new Inpainting(
            x0.orElseThrow(),
            masked.mask(known).neg().lessThan(0),
            plan.start().noise().map(noise -> noise.to(known.device())));
    return new Plan(plan.start(), plan.conditioning(), plan.guidance().withInpainting(putBack));
  }
}
