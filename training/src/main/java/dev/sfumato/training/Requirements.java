package dev.sfumato.training;

import dev.sfumato.SfumatoException;
import dev.sfumato.data.Dataset;
import dev.sfumato.model.ClassConditionedUNet;
import dev.sfumato.model.ClassConditioning;

/** Requirements of a network on its training pictures. */
final class Requirements {
  private Requirements() {}

  /**
   * Checks them.
   *
   * @throws SfumatoException naming the mismatch
   */
  static void check(ClassConditionedUNet denoiser, Dataset dataset, Objective objective) {
    int channels = dataset.channels();
    if (channels != denoiser.channels()) {
      throw new SfumatoException(
          "the pictures have "
              + channels
              + " channels, the model takes "
              + denoiser.channels()
              + ": see `channels`");
    }
    if (denoiser.config().outChannels() != channels) {
      throw new SfumatoException(
          "the model's out_channels "
              + denoiser.config().outChannels()
              + " must be the pictures' "
              + channels
              + ": models that also predict a variance cannot be trained");
    }
    if (denoiser.conditioning() == ClassConditioning.NONE
        && denoiser.config().classEmbedType().isPresent()) {
      throw new SfumatoException(
          "the model's class_embed_type without num_class_embeds does not take classes:"
              + " such models cannot be trained");
    }
    if (objective.classDropout() > 0 && !denoiser.knowsNoClass()) {
      throw new SfumatoException(
          "`classDropout` needs a class-conditioned model with a label for no class");
    }
    denoiser.config().requireDivisible(dataset.height(), dataset.width());
    if (denoiser.conditioning().numClasses() > 0) {
      if (dataset.classNames().isEmpty()) {
        throw new SfumatoException("the model is class-conditioned, but the data have no classes");
      }
      denoiser.conditioning().requireClasses(dataset.classNames());
    }
  }
}
