package dev.sfumato.tracking;

import dev.sfumato.chart.Histogram;
import dev.sfumato.tensor.Autograd;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.util.LinkedHashMap;
import java.util.Map;

/** Histograms of a network's weights and their gradients, counted on the tensors' device. */
public final class TensorHistograms {
  private static final int BUCKETS = 30;

  private TensorHistograms() {}

  /**
   * A histogram {@code weights/NAME} of every parameter and {@code gradients/NAME} of every
   * gradient that is present. Tensors with infinities or NaN are left out.
   */
  public static Map<String, Histogram> of(Map<String, Tensor> parameters) {
    Map<String, Histogram> histograms = new LinkedHashMap<>();
    try (Autograd.Recording off = Autograd.off()) {
      parameters.forEach(
          (name, weight) -> {
            try (Scope scope = Scope.open()) {
              add(histograms, "weights/" + name, weight);
              Autograd.gathered(weight).ifPresent(g -> add(histograms, "gradients/" + name, g));
            }
          });
    }
    return histograms;
  }

  private static void add(Map<String, Histogram> histograms, String name, Tensor values) {
    double min = values.min().item();
    double max = values.max().item();
    double norm = values.norm().item();
    if (!Double.isFinite(min) || !Double.isFinite(max) || !Double.isFinite(norm)) {
      return;
    }
    double[] counts = {values.numel()}; // all are equal
    if (min < max) {
      float[] counted = values.countIn(BUCKETS, min, max).toFloats();
      counts = new double[BUCKETS];
      for (int i = 0; i < BUCKETS; i++) {
        counts[i] = counted[i];
      }
    }
    histograms.put(name, new Histogram(min, max, values.sum().item(), norm * norm, counts));
  }
}
