package dev.sfumato.scheduler;

/** float32 functions that round like the engine's. */
final class Floats {
  private Floats() {}

  /** Returns the float nearest to the root, by rounding the double's root. */
  static float sqrt(float value) {
    return (float) Math.sqrt(value);
  }

  static float exp(float value) {
    return (float) Math.exp(value);
  }

  static float log(float value) {
    return (float) Math.log(value);
  }

  /** Returns e^value - 1, exact near 0. */
  static float expm1(float value) {
    return (float) Math.expm1(value);
  }

  /** Returns running products of float32 factors, kept in double like the engine's. */
  static float[] cumprod(float[] factors) {
    float[] products = new float[factors.length];
    double product = 1;
    for (int i = 0; i < factors.length; i++) {
      product *= factors[i];
      products[i] = (float) product;
    }
    return products;
  }
}
