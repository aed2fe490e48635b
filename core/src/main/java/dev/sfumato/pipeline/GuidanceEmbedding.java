package dev.sfumato.pipeline;

import dev.sfumato.tensor.Tensor;

/** The scale of a guidance that was distilled into a network, as that reads it. */
final class GuidanceEmbedding {
  private GuidanceEmbedding() {}

  /** Sines and cosines of {@code 1000 (scale - 1)} (Meng et al., 2023): (1, size). */
  static Tensor of(double scale, int size) {
    int half = size / 2;
    float[] numbers = new float[size];
    for (int i = 0; i < half; i++) {
      float frequency = (float) Math.exp((float) i * (float) (-Math.log(10000) / (half - 1)));
      float angle = (float) (scale - 1) * 1000 * frequency;
      numbers[i] = (float) Math.sin(angle);
      numbers[half + i] = (float) Math.cos(angle);
    }
    return Tensor.of(numbers, 1, size);
  }
}
