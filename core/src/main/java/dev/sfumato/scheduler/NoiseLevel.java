package dev.sfumato.scheduler;

import dev.sfumato.tensor.Tensor;

/**
 * The mixture x_t = sqrt(alphaCumprod) x_0 + sqrt(1 - alphaCumprod) eps at one timestep, solved for
 * whatever the model did not predict.
 */
record NoiseLevel(float alphaCumprod) {
  /** sqrt(alphaCumprod): how much of x_0 there is. */
  float signal() {
    return Floats.sqrt(alphaCumprod);
  }

  /** sqrt(1 - alphaCumprod): how much of the noise there is. */
  float sigma() {
    return Floats.sqrt(1 - alphaCumprod);
  }

  /** The clean picture x_0 that {@code output} amounts to. */
  Tensor x0(PredictionType type, Tensor output, Tensor x) {
    return switch (type) {
      case EPSILON -> x.sub(output.mul(sigma())).div(signal()); // DDPM eq. 15
      case SAMPLE -> output;
      case V_PREDICTION -> x.mul(signal()).sub(output.mul(sigma()));
    };
  }

  /** The noise eps that {@code output} amounts to. */
  Tensor epsilon(PredictionType type, Tensor output, Tensor x) {
    return switch (type) {
      case EPSILON -> output;
      case SAMPLE -> x.sub(output.mul(signal())).div(sigma());
      case V_PREDICTION -> output.mul(signal()).add(x.mul(sigma()));
    };
  }
}
