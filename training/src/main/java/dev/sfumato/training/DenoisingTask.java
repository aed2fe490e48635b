package dev.sfumato.training;

import dev.sfumato.SfumatoException;
import dev.sfumato.data.Batch;
import dev.sfumato.data.Dataset;
import dev.sfumato.model.Condition;
import dev.sfumato.model.Denoiser;
import dev.sfumato.nn.Module;
import dev.sfumato.tensor.Tensor;
import java.util.Locale;
import java.util.Optional;

/**
 * What a diffusion model makes of a batch: the clean samples that its network denoises, pixels or
 * latents, and their conditions, classes or texts.
 */
interface DenoisingTask {
  /** Returns the network to train. */
  Module network();

  /** Returns the same network as samplers see it. */
  Denoiser denoiser();

  /**
   * Requires pictures that suit the model, and gives it their facts.
   *
   * @throws SfumatoException naming the mismatch
   */
  void prepare(Dataset dataset, Objective objective);

  /** Requires pictures with as many channels as the model takes. */
  static void requireChannels(Dataset dataset, int taken) {
    if (dataset.channels() != taken) {
      throw new SfumatoException(
          String.format(
              Locale.ROOT,
              "the pictures have %d channels, the model takes %d: see `channels`",
              dataset.channels(),
              taken));
    }
  }

  /**
   * Returns the clean samples (B, C, H, W) of a batch, which may be empty, on the network's device.
   */
  Tensor samples(Batch batch, Draws draws);

  /**
   * Returns further input channels (B, C', H, W) of the network for a batch, which may be empty;
   * called after {@link #samples}.
   */
  default Optional<Tensor> channels(Batch batch, Draws draws) {
    return Optional.empty();
  }

  /** Returns the share of conditions to leave out. */
  double dropout(Objective objective);

  /**
   * Returns the condition of a batch.
   *
   * @param leftOut the choice of pictures whose condition is missing (B)
   */
  Condition condition(Batch batch, boolean[] leftOut);
}
