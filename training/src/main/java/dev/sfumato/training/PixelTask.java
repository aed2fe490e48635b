package dev.sfumato.training;

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
    Requirements.check(unet, dataset, objective);
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
