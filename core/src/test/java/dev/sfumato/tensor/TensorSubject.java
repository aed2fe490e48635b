package dev.sfumato.tensor;

import static com.google.common.truth.Fact.fact;
import static com.google.common.truth.Truth.assertAbout;

import com.google.common.truth.FailureMetadata;
import com.google.common.truth.Subject;
import java.util.Arrays;

/**
 * Assertions about a tensor.
 *
 * <pre>{@code
 * assertThat(output).isWithin(1e-5).of(golden.tensor("output"));
 * assertThat(output).isWithin(1e-4).relativeToScale().of(golden.tensor("output"));
 * assertThat(noise).isIdenticalTo(golden.tensor("noise"));
 * }</pre>
 */
public final class TensorSubject extends Subject {
  private final Tensor actual;

  private TensorSubject(FailureMetadata metadata, Tensor actual) {
    super(metadata, actual);
    this.actual = actual;
  }

  /** Starts an assertion about {@code tensor}. */
  public static TensorSubject assertThat(Tensor tensor) {
    return assertAbout(TensorSubject::new).that(tensor);
  }

  /** Fails unless the sizes of all dimensions are these. */
  public void hasShape(long... shape) {
    check("shape()").that(actual.shape()).isEqualTo(shape);
  }

  /** Fails unless type, shape and every bit of every element are those of {@code expected}. */
  public void isIdenticalTo(Tensor expected) {
    check("dtype()").that(actual.dtype()).isEqualTo(expected.dtype());
    hasShape(expected.shape());
    int differing = Arrays.mismatch(actual.toBytes(), expected.toBytes());
    if (differing >= 0) {
      int index = differing / actual.dtype().bytes();
      failWithoutActual(
          fact("expected to be identical, differs at", index(index, actual.shape())),
          fact("is", element(actual, index)),
          fact("expected", element(expected, index)),
          fact("shape", Arrays.toString(actual.shape())));
    }
  }

  /** No element may differ from the expected one by more than {@code tolerance}. */
  public Closeness isWithin(double tolerance) {
    return new Closeness(tolerance, false);
  }

  /** An assertion that waits for the expected tensor. */
  public final class Closeness {
    private final double tolerance;
    private final boolean relative;

    private Closeness(double tolerance, boolean relative) {
      this.tolerance = tolerance;
      this.relative = relative;
    }

    /** Multiplies the tolerance by the largest absolute value that is expected. */
    public Closeness relativeToScale() {
      return new Closeness(tolerance, true);
    }

    /** Fails with shape, index and value of the worst element unless all are close enough. */
    public void of(Tensor expected) {
      hasShape(expected.shape());
      float[] is = actual.toFloats();
      float[] wanted = expected.toFloats();
      double scale = 0;
      int worst = -1;
      double largest = 0;
      for (int i = 0; i < is.length; i++) {
        scale = Math.max(scale, Math.abs(wanted[i]));
        double difference = Float.compare(is[i], wanted[i]) == 0 ? 0 : Math.abs(is[i] - wanted[i]);
        if (Double.isNaN(difference) || difference > largest) {
          worst = i;
          largest = Double.isNaN(difference) ? Double.POSITIVE_INFINITY : difference;
        }
      }
      double allowed = relative ? tolerance * scale : tolerance;
      if (largest > allowed) {
        failWithoutActual(
            fact("expected to be within", allowed),
            fact("worst difference", largest),
            fact("at", index(worst, actual.shape())),
            fact("is", is[worst]),
            fact("expected", wanted[worst]),
            fact("largest expected", scale),
            fact("shape", Arrays.toString(actual.shape())));
      }
    }
  }

  private static String index(int flat, long[] shape) {
    long[] index = new long[shape.length];
    long rest = flat;
    for (int i = shape.length - 1; i >= 0; i--) {
      index[i] = rest % shape[i];
      rest /= shape[i];
    }
    return Arrays.toString(index);
  }

  private static Object element(Tensor tensor, int index) {
    return switch (tensor.dtype()) {
      case FLOAT32, FLOAT64, FLOAT16, BFLOAT16 -> tensor.toFloats()[index];
      default -> tensor.toLongs()[index];
    };
  }
}
