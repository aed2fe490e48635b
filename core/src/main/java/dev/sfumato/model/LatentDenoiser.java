package dev.sfumato.model;

import dev.sfumato.SfumatoException;
import dev.sfumato.tensor.Autocast;
import dev.sfumato.tensor.DType;
import dev.sfumato.tensor.Device;
import dev.sfumato.tensor.Precision;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.util.List;

/**
 * The network of Stable Diffusion: a {@link UNet2DConditionModel} of latents, with the channels of
 * a condition concatenated if the U-Net takes more channels than the latents.
 *
 * @param unet the U-Net
 */
public record LatentDenoiser(UNet2DConditionModel unet) implements Denoiser {
  /** Returns the channels of the latents, which equal those of the prediction. */
  @Override
  public int channels() {
    return unet.config().outChannels();
  }

  /** Returns whether the U-Net reads a mask and the latents of a known part, too. */
  public boolean readsMasks() {
    return unet.config().inChannels() > channels();
  }

  @Override
  public Device device() {
    return unet.device();
  }

  @Override
  public Precision precision() {
    return unet.precision();
  }

  /** Accepts latents of any size. */
  @Override
  public void requireSize(long height, long width) {
    if (height < 1 || width < 1) {
      throw new SfumatoException("latents have at least one pixel");
    }
  }

  @Override
  public Tensor forward(Tensor x, Tensor timesteps, Condition condition) {
    return Scope.run(
        () -> {
          Tensor input = withChannels(x, condition.rows(0, x.size(0)));
          try (Autocast region = Autocast.open(unet.precision())) {
            return unet.forward(input, timesteps, condition).to(DType.FLOAT32);
          }
        });
  }

  private Tensor withChannels(Tensor x, Condition condition) {
    if (!readsMasks()) {
      return x;
    }
    Tensor more =
        condition
            .channels()
            .orElseThrow(
                () ->
                    new SfumatoException(
                        "the U-Net takes "
                            + unet.config().inChannels()
                            + " channels, "
                            + (unet.config().inChannels() - channels())
                            + " of them besides the latents: the model completes pictures"));
    return Tensor.cat(List.of(x, more), 1);
  }
}
