package dev.sfumato.training;

import dev.sfumato.SfumatoException;
import dev.sfumato.data.Batch;
import dev.sfumato.data.Dataset;
import dev.sfumato.nn.Module;
import dev.sfumato.tensor.Tensor;
import java.util.Map;

/**
 * The loss of a network on a batch, which a {@link Trainer} minimises. {@link DenoisingLoss} is
 * that of diffusion models; a classifier has another, and your own network may have its own.
 */
public interface TrainingLoss {
  /** Returns the network. Weights that require gradients are trained; the others do not change. */
  Module network();

  /**
   * Requires that the network can be trained on these pictures, and gives it their facts, such as
   * names of classes. Called once, before the first batch.
   *
   * @throws SfumatoException naming the mismatch
   */
  default void prepare(Dataset dataset) {}

  /**
   * Returns the mean loss of a batch's pictures, a differentiable tensor of shape ().
   *
   * @param batch the pictures of this process or, where it is measured, of a part. If a short batch
   *     is shared it may be empty: then the same numbers must be drawn, and the result is ignored
   * @param draws the source of all random numbers, so that a run can be repeated and resumed bit
   *     for bit
   */
  Tensor loss(Batch batch, Draws draws);

  /** Returns the loss for measuring the network, without regularisation. */
  default TrainingLoss measured() {
    return this;
  }

  /** Returns every option by its name in a run's {@code config.json}. */
  default Map<String, Object> settings() {
    return Map.of();
  }
}
