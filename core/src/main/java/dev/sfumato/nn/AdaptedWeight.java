package dev.sfumato.nn;

import dev.sfumato.tensor.Device;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;

/**
 * A parameter, (out, in) or (out, in, k, k), that adapters can change. A field of this type is a
 * parameter of its module like a field of type {@link Tensor}; the layer computes with {@link
 * #effective} and so never without an adapter.
 */
public final class AdaptedWeight {
  private final Tensor parameter;
  private final List<Adapter> adapters = new ArrayList<>();

  /** Makes a parameter of this shape that wants gradients. */
  public AdaptedWeight(long... shape) {
    parameter = Module.parameter(shape);
  }

  /** Returns what is loaded, saved and moved: the weight without its adapters. */
  public Tensor parameter() {
    return parameter;
  }

  /** Returns the weight with all adapters, in the current scope; without any, the parameter. */
  public Tensor effective() {
    Tensor weight = parameter;
    for (Adapter adapter : adapters) {
      weight = adapter.appliedTo(weight);
    }
    return weight;
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
      return transposed ? columns() : weight.parameter.size(0) / count;
    }

    /** Returns the number of inputs, for a convolution times those of its kernel's positions. */
    public long in() {
      return transposed ? weight.parameter.size(0) : columns();
    }

    private long columns() {
      return weight.parameter.numel() / weight.parameter.size(0);
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

  void to(Device device) {
    adapters.forEach(adapter -> adapter.to(device));
  }

  /** Removes all adapters. */
  void close() {
    List.copyOf(adapters).forEach(Adapter::close);
  }
}
