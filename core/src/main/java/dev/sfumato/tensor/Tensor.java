package dev.sfumato.tensor;

import dev.sfumato.SfumatoException;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.stream.LongStream;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.LongPointer;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;

/**
 * An array of numbers of any rank, on the CPU or a card, with the methods that make, read, change,
 * differentiate and free it. Methods whose names end in an underscore change this tensor; {@link
 * TensorOperations} has the others.
 */
public final class Tensor extends TensorOperations implements AutoCloseable {
  Scope owner;

  private Tensor(org.bytedeco.pytorch.Tensor handle) {
    super(handle);
    Scope.born(this);
  }

  /** Wraps the result of {@code operation}. */
  static Tensor make(Supplier<org.bytedeco.pytorch.Tensor> operation) {
    return new Tensor(Engine.call(operation));
  }

  // ---- making

  /** A float32 tensor with a copy of {@code values} in row-major order. */
  public static Tensor of(float[] values, long... shape) {
    return make(
        () -> {
          requireLength(values.length, shape);
          org.bytedeco.pytorch.Tensor t = torch.empty(shape);
          if (values.length > 0) { // an empty array has no address
            new FloatPointer(t.data_ptr()).put(values, 0, values.length);
          }
          return t;
        });
  }

  /** An int64 tensor with a copy of {@code values} in row-major order. */
  public static Tensor of(long[] values, long... shape) {
    return make(
        () -> {
          requireLength(values.length, shape);
          org.bytedeco.pytorch.Tensor t = torch.zeros(shape, Options.of(DType.INT64));
          if (values.length > 0) { // an empty array has no address
            new LongPointer(t.data_ptr()).put(values, 0, values.length);
          }
          return t;
        });
  }

  /** A uint8 tensor with a copy of {@code values} in row-major order. */
  public static Tensor of(byte[] values, long... shape) {
    return make(
        () -> {
          requireLength(values.length, shape);
          org.bytedeco.pytorch.Tensor t = torch.zeros(shape, Options.of(DType.UINT8));
          if (values.length > 0) { // an empty array has no address
            new BytePointer(t.data_ptr()).put(values, 0, values.length);
          }
          return t;
        });
  }

  /** A float32 scalar, shape (). */
  public static Tensor scalar(double value) {
    return full(value);
  }

  /** A float32 tensor of zeros. */
  public static Tensor zeros(long... shape) {
    return make(() -> torch.zeros(shape));
  }

  /** A float32 tensor of zeros on {@code device}. */
  public static Tensor zeros(Device device, long... shape) {
    return make(() -> torch.zeros(shape, Options.of(DType.FLOAT32, device)));
  }

  /** A float32 tensor whose elements are not set. */
  public static Tensor empty(long... shape) {
    return make(() -> torch.empty(shape));
  }

  /** A float32 tensor filled with {@code value}. */
  public static Tensor full(double value, long... shape) {
    return zeros(shape).fill_(value);
  }

  /** A float32 tensor on {@code device}, filled with {@code value}. */
  public static Tensor full(Device device, double value, long... shape) {
    return zeros(device, shape).fill_(value);
  }

  /** The int64 numbers 0 to {@code end - 1}. */
  public static Tensor arange(long end) {
    return arange(Device.CPU, end);
  }

  /** The int64 numbers 0 to {@code end - 1} on {@code device}. */
  public static Tensor arange(Device device, long end) {
    return make(
        () -> {
          try (Scalar s = new Scalar(end)) {
            return torch.arange(s, Options.of(DType.INT64, device));
          }
        });
  }

  /** {@code length} evenly spaced float32 numbers from {@code start} to {@code end}. */
  public static Tensor linspace(double start, double end, long length) {
    return make(
        () -> {
          try (Scalar first = new Scalar(start);
              Scalar last = new Scalar(end)) {
            return torch.linspace(first, last, length, Options.of(DType.FLOAT32));
          }
        });
  }

  /** Joins {@code tensors} along the existing dimension {@code dim}. */
  public static Tensor cat(List<Tensor> tensors, long dim) {
    return make(() -> withVector(tensors, v -> torch.cat(v, dim)));
  }

  /** Joins {@code tensors} of equal shape along a new dimension {@code dim}. */
  public static Tensor stack(List<Tensor> tensors, long dim) {
    return make(() -> withVector(tensors, v -> torch.stack(v, dim)));
  }

  static <T> T withVector(List<Tensor> tensors, Function<TensorVector, T> use) {
    try (TensorVector vector = vector(tensors)) {
      return use.apply(vector);
    }
  }

  /** The engine's list of {@code tensors}, to be closed. */
  static TensorVector vector(List<Tensor> tensors) {
    List<org.bytedeco.pytorch.Tensor> handles = tensors.stream().map(Tensor::handle).toList();
    TensorVector vector = new TensorVector();
    handles.forEach(vector::push_back);
    return vector;
  }

  // ---- reading

  /** Returns the sizes of all dimensions. */
  public long[] shape() {
    return Engine.call(
        () -> {
          org.bytedeco.pytorch.Tensor tensor = handle();
          long[] shape = new long[(int) tensor.dim()];
          for (int i = 0; i < shape.length; i++) {
            shape[i] = tensor.size(i);
          }
          return shape;
        });
  }

  /** Returns the size of dimension {@code dim}; negative numbers count from the end. */
  public long size(int dim) {
    return Engine.call(() -> handle().size(dim));
  }

  /** Returns the number of dimensions. */
  public int dim() {
    return Engine.call(() -> (int) handle().dim());
  }

  /** Returns all dimensions except the first, that of the samples in a batch: 1, 2, ... */
  public long[] dimsOfASample() {
    return LongStream.range(1, dim()).toArray();
  }

  /** Returns the number of elements. */
  public long numel() {
    return Engine.call(() -> handle().numel());
  }

  /** Returns the type of the elements. */
  public DType dtype() {
    return Engine.call(() -> DType.of(handle().scalar_type()));
  }

  /** Returns the device that holds the elements. */
  public Device device() {
    return Engine.call(() -> Device.of(handle()));
  }

  /** Returns the element of a tensor with exactly one element. */
  public double item() {
    return Engine.call(() -> Moves.reading(handle()).item_double());
  }

  /** Returns the elements in row-major order, converted to float32. */
  public float[] toFloats() {
    return read(
        DType.FLOAT32,
        t -> {
          float[] values = new float[arrayLength(t.numel())];
          if (values.length > 0) {
            new FloatPointer(t.data_ptr()).get(values);
          }
          return values;
        });
  }

  /** Returns the elements in row-major order, converted to int64. */
  public long[] toLongs() {
    return read(
        DType.INT64,
        t -> {
          long[] values = new long[arrayLength(t.numel())];
          if (values.length > 0) {
            new LongPointer(t.data_ptr()).get(values);
          }
          return values;
        });
  }

  /** Returns the bytes of the elements in row-major order, little-endian. */
  public byte[] toBytes() {
    if (ByteOrder.nativeOrder() != ByteOrder.LITTLE_ENDIAN) {
      throw new SfumatoException("this machine is big-endian, which tensor files are not");
    }
    return read(
        dtype(),
        t -> {
          byte[] values = new byte[arrayLength(t.numel() * dtype().bytes())];
          if (values.length > 0) {
            new BytePointer(t.data_ptr()).get(values);
          }
          return values;
        });
  }

  private <T> T read(DType type, Function<org.bytedeco.pytorch.Tensor, T> reader) {
    try (Scope scope = Scope.open()) {
      Tensor plain = detach().to(type).to(Device.CPU).contiguous();
      return Engine.call(() -> reader.apply(plain.handle()));
    }
  }

  private static int arrayLength(long length) {
    if (length > Integer.MAX_VALUE - 8) {
      throw new SfumatoException(length + " elements do not fit into one array: read parts");
    }
    return (int) length;
  }

  /** Returns true if the elements lie in row-major order in memory. */
  boolean isContiguous() {
    return Engine.call(() -> handle().is_contiguous());
  }

  // ---- type and place

  /** Converts the elements to {@code type}; returns this tensor if they have that type. */
  public Tensor to(DType type) {
    return make(() -> handle().to(type.scalarType()));
  }

  /** Moves the elements to {@code device}; returns this tensor if they are there already. */
  public Tensor to(Device device) {
    if (device.equals(device())) {
      return make(() -> new org.bytedeco.pytorch.Tensor(handle()));
    }
    return make(() -> Moves.move(handle(), device));
  }

  // ---- changing this tensor

  /** Copies the elements of {@code source} (broadcast, converted) into this tensor. */
  public Tensor copy_(Tensor source) {
    return change(() -> handle().copy_(source.handle()));
  }

  /**
   * Copies {@code values} over the elements of this tensor, starting at element {@code start} in
   * row-major order. Threads may write to different parts of a tensor at the same time.
   *
   * @throws IllegalStateException if this is not a contiguous float32 tensor on the CPU
   */
  public Tensor put_(long start, float[] values) {
    Objects.checkFromIndexSize(start, values.length, numel());
    if (dtype() != DType.FLOAT32 || !device().equals(Device.CPU) || !isContiguous()) {
      throw new IllegalStateException("not contiguous float32 on the CPU: " + this);
    }
    return change(
        () -> {
          if (values.length > 0) { // an empty array has no address
            new FloatPointer(handle().data_ptr()).position(start).put(values);
          }
          return handle();
        });
  }

  /**
   * Takes over the elements of {@code source}, of the same shape, without copying them. The wish
   * for gradients does not change.
   */
  public Tensor share_(Tensor source) {
    Engine.call(
        () -> {
          handle().set_data(source.handle());
          return null;
        });
    return this;
  }

  /** Sets every element to {@code value}. */
  public Tensor fill_(double value) {
    return change(() -> withNative(value, v -> handle().fill_(v)));
  }

  /** {@code this = this sigmoid(this)}: {@link Functional#silu} in place. */
  public Tensor silu_() {
    return change(() -> torch.silu_(handle()));
  }

  /** {@code this *= value}. */
  public Tensor mul_(double value) {
    return change(() -> withNative(value, v -> handle().mul_(v)));
  }

  /** {@code this *= other}, element by element. */
  public Tensor mul_(Tensor other) {
    return change(() -> handle().mul_(other.handle()));
  }

  /** {@code this += other * alpha}. */
  public Tensor add_(Tensor other, double alpha) {
    return change(() -> withNative(alpha, a -> handle().add_(other.handle(), a)));
  }

  private static org.bytedeco.pytorch.Tensor withNative(
      double value, Function<Scalar, org.bytedeco.pytorch.Tensor> use) {
    try (Scalar s = new Scalar(value)) {
      return use.apply(s);
    }
  }

  Tensor change(Supplier<org.bytedeco.pytorch.Tensor> operation) {
    Engine.call(operation);
    return this;
  }

  // ---- gradients

  /** Sets whether gradients with respect to this tensor are wanted. */
  public Tensor requiresGrad(boolean wanted) {
    return change(() -> handle().set_requires_grad(wanted));
  }

  /** Returns true if operations on this tensor are recorded for gradients. */
  public boolean requiresGrad() {
    return Engine.call(() -> handle().requires_grad());
  }

  /** Returns the same elements, cut off from the recorded operations. */
  public Tensor detach() {
    return make(() -> handle().detach());
  }

  /**
   * Adds d this / d leaf to the gradient of every leaf that wants one; this tensor must have one
   * element.
   */
  public void backward() {
    Autograd.backward(this);
  }

  // ---- closing

  /**
   * Frees the tensor; its memory goes when nothing else refers to the elements. Closing twice is
   * harmless, and so is closing while another thread computes with it: what runs ends first, what
   * begins later throws {@link SfumatoException}.
   */
  @Override
  public void close() {
    if (operand.close()) {
      owner = null;
      Scope.died();
    }
  }

  @Override
  public String toString() {
    return operand.isClosed()
        ? "Tensor(closed)"
        : "Tensor(" + dtype() + " " + Arrays.toString(shape()) + ")";
  }

  private static void requireLength(long length, long[] shape) {
    if (Arrays.stream(shape).reduce(1, Math::multiplyExact) != length) {
      throw new SfumatoException(
          length + " values do not fill the shape " + Arrays.toString(shape));
    }
  }
}
