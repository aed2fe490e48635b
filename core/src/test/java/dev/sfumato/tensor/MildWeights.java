package dev.sfumato.tensor;

import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;

/** Weights by "weights_rule" of golden/stable_diffusion.json, bit for bit those of Python. */
public final class MildWeights {
  private MildWeights() {}

  /** A weight for each name and shape. */
  public static Map<String, Tensor> of(Map<String, long[]> shapes, long seed) {
    Map<String, Tensor> weights = new TreeMap<>();
    try (Rng rng = new Rng(seed)) {
      new TreeMap<>(shapes)
          .forEach((name, shape) -> weights.put(name, weight(name, rng.normal(shape))));
    }
    return weights;
  }

  /** A weight for each of {@code parameters}. */
  public static Map<String, Tensor> like(Map<String, Tensor> parameters, long seed) {
    Map<String, long[]> shapes = new TreeMap<>();
    parameters.forEach((name, parameter) -> shapes.put(name, parameter.shape()));
    return of(shapes, seed);
  }

  private static Tensor weight(String name, Tensor t) {
    if (t.dim() == 1) {
      return name.endsWith("weight") ? t.mul(0.1).add(1) : t.mul(0.05);
    }
    if (name.contains("embedding.weight")) {
      return t;
    }
    double fanIn = (double) t.numel() / t.size(0);
    if (name.contains("conv_out")) {
      return t.div(Math.sqrt(fanIn / 3));
    }
    Tensor scaled = t.div(Math.sqrt(3 * fanIn));
    return Stream.of(".to_q.", ".to_k.", ".q_proj.", ".k_proj.").anyMatch(name::contains)
        ? scaled.mul(3)
        : scaled;
  }
}
