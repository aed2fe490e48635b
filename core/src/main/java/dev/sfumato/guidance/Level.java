package dev.sfumato.guidance;

import dev.sfumato.scheduler.Run;
import dev.sfumato.scheduler.Step;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;

/**
 * How noisy the pictures of a step are, whatever units its run keeps them in: scaled as the network
 * sees them, they are sqrt(alphaCumprod) x_0 + sqrt(1 - alphaCumprod) eps.
 *
 * @param alphaCumprod the share of the picture's variance
 * @param inputScale the run's x times this is what the network sees
 */
record Level(double alphaCumprod, double inputScale) {
  static Level of(Run run, Step step) {
    try (Scope scope = Scope.open()) {
      double inputScale = run.scaleModelInput(Tensor.full(1, 1, 1, 1, 1), step).item();
      return new Level(run.alphaCumprod(step), inputScale);
    }
  }

  /** sqrt(alphaCumprod). */
  double signal() {
    return Math.sqrt(alphaCumprod);
  }

  /** sqrt(1 - alphaCumprod). */
  double sigma() {
    return Math.sqrt(1 - alphaCumprod);
  }

  /** What the network sees, in the run's units. */
  Tensor scaled(Tensor input) {
    return inputScale == 1 ? input : input.div(inputScale);
  }

  /** Clean pictures with standard normal noise, in the run's units. */
  Tensor noisy(Tensor x0, Tensor noise) {
    return scaled(x0.mul(signal()).add(noise.mul(sigma())));
  }
}
