package dev.sfumato.scheduler;

import dev.sfumato.tensor.Tensor;

/**
 * The mixture x_t = signal x_0 + sigma eps at one timestep, of variance 1, solved for the part that
 * the model did not predict.
 *
 * @param signal the weight of x_0: sqrt(alphaCumprod)
 * @param sigma the weight of the noise: sqrt(1 - alphaCumprod)
 */
record NoiseLevel(float signal, float sigma) {
  static NoiseLevel ofAlphaCumprod(float alphaCumprod) {
    return new NoiseLevel(Floats.sqrt(alphaCumprod), Floats.sqrt(1 - alphaCumprod));
  }

  /** Returns the level of x_0 + sigma eps, divided by its standard deviation sqrt(sigma^2 + 1). */
  static NoiseLevel ofSigma(float sigma) {
    float signal = 1 / Floats.sqrt(sigma * sigma + 1);
    return new NoiseLevel(signal, sigma * signal);
  }

  /** Returns lambda = log(signal / sigma), half the logarithm of the signal-to-noise ratio. */
  float lambda() {
    return Floats.log(signal) - Floats.log(sigma);
  }

  /** Returns the clean picture x_0 that follows from {@code output}. */
  Tensor x0(PredictionType type, Tensor output, Tensor x) {
    return switch (type) {
      case EPSILON -> x.sub(output.mul(sigma)).div(signal); // DDPM eq. 15
      case SAMPLE -> output;
      case V_PREDICTION -> x.mul(signal).sub(output.mul(sigma));
    };
  }

  /** Returns the noise eps that follows from {@code output}. */
  Tensor epsilon(PredictionType type, Tensor output, Tensor x) {
    return switch (type) {
      case EPSILON -> output;
      case SAMPLE -> x.sub(output.mul(signal)).div(sigma);
      case V_PREDICTION -> output.mul(signal).add(x.mul(sigma));
    };
  }
}
