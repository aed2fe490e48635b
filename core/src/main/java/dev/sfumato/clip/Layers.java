package dev.sfumato.clip;

import dev.sfumato.SfumatoException;
import dev.sfumato.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/** Keeps the outputs of some layers as a network computes all of them in sequence. */
final class Layers {
  /** An instance that keeps nothing. */
  static final Layers NONE = new Layers(List.of(), 0);

  private final List<Integer> wanted;
  private final List<Tensor> seen = new ArrayList<>();

  /**
   * @param wanted numbers of layers, 0 the first, in any order; negative ones count from the end
   * @param count the number of layers
   * @throws SfumatoException if a number is out of range
   */
  Layers(List<Integer> wanted, int count) {
    this.wanted = wanted.stream().map(layer -> index(layer, count)).toList();
  }

  /** Makes an instance that keeps all of {@code count} layers. */
  static Layers all(int count) {
    return new Layers(IntStream.range(0, count).boxed().toList(), count);
  }

  private static int index(int layer, int count) {
    if (layer < -count || layer >= count) {
      throw new SfumatoException(
          "layer " + layer + " does not exist: the image encoder has " + count + " layers");
    }
    return Math.floorMod(layer, count);
  }

  /** Takes note of the next layer's output and returns it. */
  Tensor seen(Tensor output) {
    if (!wanted.isEmpty()) {
      seen.add(output);
    }
    return output;
  }

  /** Returns the outputs of the wanted layers, in the requested order. */
  List<Tensor> outputs() {
    return wanted.stream().map(seen::get).toList();
  }
}
