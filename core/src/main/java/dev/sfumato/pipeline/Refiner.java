package dev.sfumato.pipeline;

import dev.sfumato.SfumatoException;

/**
 * A model that takes the last steps of another.
 *
 * @param pipeline the model
 * @param start the part of the noise levels after which it takes over, above 0 and below 1
 */
record Refiner(DiffusionPipeline pipeline, double start) {
  Refiner {
    if (!(start > 0 && start < 1)) {
      throw new SfumatoException("the refiner's start must lie between 0 and 1, not at " + start);
    }
  }
}
