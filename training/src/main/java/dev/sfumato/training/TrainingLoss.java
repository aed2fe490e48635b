package dev.sfumato.training;

import dev.sfumato.SfumatoException;
import dev.sfumato.data.Batch;
import dev.sfumato.data.Dataset;
import dev.sfumato.nn.Module;
import dev.sfumato.tensor.Tensor;
import java.util.Map;

/**
 * What a {@link Trainer} lowers: the loss of a network on a batch. {@link DenoisingLoss} is that of
 * diffusion models; a classifier has another, and so may your own network.
 */
public interface TrainingLoss {
  /** The network. Those of its weights that want gradients are trained; the others stay. */
  Module network();

  /**
   * Requires that the network can be trained on these pictures, and tells it what it should know of
   * them. Called once, before the first batch.
   *
   * @throws SfumatoException saying what does not fit
   */
  default void prepare(Dataset dataset) {}

  /**
   * The mean loss of the pictures of a batch, a tensor of shape () that gradients flow back from.
   *
   * @param batch the pictures of this process. Where many processes share a short batch it may be
   *     empty: then the same numbers are drawn, and what is returned is not read
   * @param draws gives all random numbers, so that a run can be repeated and resumed bit for bit
   */
  Tensor loss(Batch batch, Draws draws);

  /** The loss that tells how good the network is: without what is there to regularise it. */
  default TrainingLoss measured() {
    return this;
  }

  /** Every option by the name that it has in a run's {@code config.json}. */
  default Map<String, Object> settings() {
    return Map.of();
  }
}
