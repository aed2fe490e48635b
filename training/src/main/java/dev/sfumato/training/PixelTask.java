package dev.sfumato.training;

import dev.sfumato.SfumatoException;
import dev.sfumato.data.Batch;
import dev.sfumato.data.Dataset;
import dev.sfumato.model.ClassConditionedUNet;
import dev.sfumato.model.ClassConditioning;
import dev.sfumato.model.Condition;
import dev.sfumato.model.Denoiser;
import dev.sfumato.nn.Module;
import dev.sfumato.tensor.Tensor;

/**
 * Pixels, and classes if the network has them.
 *
 * @param unet the network
 */
record PixelTask(ClassConditionedUNet unet) implements DenoisingTask {
  @Override
  public Module network() {
    return unet;
  }

  @Override
  public Denoiser denoiser() {
    return unet;
  }

  @Override
  public void prepare(Dataset dataset, Objective objective) {
    DenoisingTask.requireChannels(dataset, unet.channels());
    if (unet.config().outChannels() != dataset.channels()) {
      throw new SfumatoException(
          "the model's out_channels "
              + unet.config().outChannels()
              + " must be the pictures' "
              + dataset.channels()
              + ": models that also predict a variance cannot be trained");
    }
    if (unet.conditioning() == ClassConditioning.NONE
        && unet.config().classEmbedType().isPresent()) {
      throw new SfumatoException(
          "the model's class_embed_type without num_class_embeds does not take classes:"
              + " such models cannot be trained");
    }
    if (objective.classDropout() > 0 && !unet.knowsNoClass()) {
      throw new SfumatoException(
          "`classDropout` needs a class-conditioned model with a label for no class");
    }
    unet.config().requireDivisible(dataset.height(), dataset.width());
    if (unet.conditioning().numClasses() > 0) {
      if (dataset.classNames().isEmpty()) {
        throw new SfumatoException("the model is class-conditioned, but the data have no classes");
      }
      unet.conditioning().requireClasses(dataset.classNames());
    }
    unet.nameClasses(dataset.classNames());
  }

  @Override
  public Tensor samples(Batch batch, Draws draws) {
    return batch.images().to(unet.device());
  }

  @Override
  public double dropout(Objective objective) {
    return objective.classDropout();
  }

  @Override
  public Condition condition(Batch batch, boolean[] leftOut) {
    long[] labels = batch.labels().clone();
    for (int i = 0; i < labels.length; i++) {
      labels[i] = leftOut[i] ? ClassConditioning.NO_CLASS : labels[i];
    }
    return Condition.ofLabels(Tensor.of(labels, labels.length).to(unet.device()));
  }
}
