package dev.sfumato.nn;

import dev.sfumato.tensor.DType;
import dev.sfumato.tensor.Device;
import dev.sfumato.tensor.Functional;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Predicate;

/**
 * A parameter, (out, in) or (out, in, k, k), that adapters can change. A field of this type is a
 * parameter of its module like a field of type {@link Tensor}; the layer computes with {@link
 * #linear}, {@link #conv2d} or {@link #effective} and so never without an adapter.
 *
 * <p>A checkpoint in half precision leaves the parameter in half precision until {@link
 * Module#widenWithinMemory}. The layer converts it to float32, which is exact, each time it
 * computes, so it takes half the memory. Such a parameter does not learn.
 */
public final class AdaptedWeight extends ExtendedParameter {
  private final List<Adapter> adapters = new ArrayList<>();

  /** Makes a parameter of this shape that wants gradients. */
  public AdaptedWeight(long... shape) {
    super(shape);
  }

  /**
   * Returns the weight with all adapters, in the current scope; without any, the parameter in
   * float32.
   */
  public Tensor effective() {
    return stored().to(DType.FLOAT32);
  }

  /** Returns the weight with all adapters, or the parameter as it is stored. */
  Tensor stored() {
    return sum(adapter -> true);
  }

  private Tensor sum(Predicate<Adapter> chosen) {
    Tensor weight = parameter().dtype().isHalf() ? parameter().detach() : parameter();
    for (Adapter adapter : adapters) {
      weight = chosen.test(adapter) ? adapter.appliedTo(weight) : weight;
    }
    return weight;
  }

  /** Converts the parameter to float32, so that it can change. */
  void widen() {
    if (parameter().dtype().isHalf()) {
      try (Scope scope = Scope.open()) {
        parameter().share_(parameter().detach().to(DType.FLOAT32));
      }
    }
  }

  /**
   * Returns {@code x weight^T + bias}, (..., in) to (..., out), with all adapters, in the current
   * scope.
   *
   * @param layer the module of this weight, which switches dropout
   */
  public Tensor linear(Tensor x, Tensor bias, Module layer) {
    Tensor y = Functional.linear(x, sum(adapter -> !adapter.isBeside()), bias);
    for (Adapter adapter : beside()) {
      Optional<Tensor> change =
          adapter.change(
              x,
              layer,
              AdaptedWeight::linear,
              (h, up) -> {
                Tensor part = linear(h, up);
                long own = part.size(part.dim() - 1);
                int index = adapter.part().index();
                int count = adapter.part().count();
                return count == 1
                    ? part
                    : Functional.pad(part, index * own, (count - 1 - index) * own);
              });
      change.ifPresent(part -> y.add_(part, 1));
    }
    return y;
  }

  private static Tensor linear(Tensor x, Tensor weight) {
    return Functional.linear(x, weight, null);
  }

  /**
   * Returns the convolution of {@code x} (B, in, H, W) with all adapters, in the current scope.
   *
   * @param layer the module of this weight, which switches dropout
   */
  public Tensor conv2d(Tensor x, Tensor bias, long stride, long padding, Module layer) {
    Tensor y = Functional.conv2d(x, sum(adapter -> !adapter.isBeside()), bias, stride, padding, 1);
    long kernel = parameter().size(2);
    for (Adapter adapter : beside()) {
      Optional<Tensor> change =
          adapter.change(
              x,
              layer,
              (in, down) -> {
                Tensor weight = down.reshape(down.size(0), -1, kernel, kernel);
                return Functional.conv2d(in, weight, null, stride, padding, 1);
              },
              (h, up) -> Functional.conv2d(h, up.unsqueeze(2).unsqueeze(3), null, 1, 0, 1));
      change.ifPresent(part -> y.add_(part, 1));
    }
    return y;
  }

  /** Returns the adapters that change outputs. */
  private List<Adapter> beside() {
    return adapters.stream().filter(Adapter::isBeside).toList();
  }

  /** Returns whether an adapter learns. */
  boolean isTrained() {
    return !beside().isEmpty();
  }

  @Override
  Map<String, Tensor> trained(String name) {
    Map<String, Tensor> matrices = new LinkedHashMap<>();
    for (Adapter adapter : adapters.stream().filter(a -> a.up().requiresGrad()).toList()) {
      String start = name + ".lora." + matrices.size() / 2;
      matrices.put(start + ".down", adapter.down());
      matrices.put(start + ".up", adapter.up());
    }
    return matrices;
  }

  /** Returns the whole weight as what an adapter changes. */
  public Part whole() {
    return new Part(this, 0, 1, false);
  }

  /**
   * A matrix that an adapter changes: a weight, one of several that are stacked in it, or its
   * transpose.
   *
   * @param index the number of the matrix in the stack
   * @param count the number of matrices in the stack
   * @param transposed whether the weight is (in, out)
   */
  public record Part(AdaptedWeight weight, int index, int count, boolean transposed) {
    /** Returns the number of outputs. */
    public long out() {
      return transposed ? columns() : weight.parameter().size(0) / count;
    }

    /** Returns the number of inputs, for a convolution times those of its kernel's positions. */
    public long in() {
      return transposed ? weight.parameter().size(0) : columns();
    }

    private long columns() {
      return weight.parameter().numel() / weight.parameter().size(0);
    }

    /**
     * Puts an adapter beside the weight; like {@link Module#to}, not while the layer computes.
     * Matrices that want gradients get them.
     *
     * @param up (out, r) on the weight's device; the adapter owns it from now on
     * @param down (r, in), likewise
     * @param rate the factor that belongs to the matrices: alpha / r
     * @param scale the factor that users choose
     */
    public Adapter adapt(Tensor up, Tensor down, double rate, double scale) {
      Adapter adapter = new Adapter(this, Scope.release(up), Scope.release(down), rate, scale);
      weight.adapters.add(adapter);
      return adapter;
    }
  }

  /** Takes over the adapters of a weight of the same shape. */
  void takeAdapters(AdaptedWeight other) {
    other.adapters.forEach(adapter -> adapter.moveTo(this));
    adapters.addAll(other.adapters);
    other.adapters.clear();
  }

  void remove(Adapter adapter) {
    adapters.remove(adapter);
  }

  @Override
  void to(Device device) {
    adapters.forEach(adapter -> adapter.to(device));
  }

  /** Removes all adapters. */
  @Override
  void close() {
    List.copyOf(adapters).forEach(Adapter::close);
  }
}
