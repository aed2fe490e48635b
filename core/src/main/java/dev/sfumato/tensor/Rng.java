package dev.sfumato.tensor;

import org.bytedeco.pytorch.Generator;
import org.bytedeco.pytorch.GeneratorOptional;
import org.bytedeco.pytorch.global.torch;

/**
 * A random generator on the CPU (Mersenne Twister) whose streams equal {@code torch.Generator}'s
 * bit for bit. Its state can be saved and set. Threads that draw from one generator wait for each
 * other; who draws what is then left to chance.
 */
public final class Rng implements AutoCloseable {
  private final Generator generator;
  private final GeneratorOptional argument;

  /** A generator that starts from {@code seed}, as {@code torch.Generator().manual_seed(seed)}. */
  public Rng(long seed) {
    generator = Engine.call(() -> torch.createCPUGenerator(seed));
    argument = new GeneratorOptional(generator);
  }

  /** Standard normal numbers, float32: {@code torch.randn}. */
  public synchronized Tensor normal(long... shape) {
    return Tensor.make(() -> torch.randn(shape, argument, Options.of(DType.FLOAT32)));
  }

  /** Uniform numbers in [0, 1), float32: {@code torch.rand}. */
  public synchronized Tensor uniform(long... shape) {
    return Tensor.make(() -> torch.rand(shape, argument, Options.of(DType.FLOAT32)));
  }

  /** A uniform number in [low, high), float32: {@code torch.empty(1).uniform_(low, high)}. */
  public synchronized Tensor uniformBetween(double low, double high) {
    Tensor number = Tensor.empty(1);
    Engine.call(() -> number.handle().uniform_(low, high, argument));
    return number;
  }

  /** Whole numbers in [low, high), int64: {@code torch.randint}. */
  public synchronized Tensor integers(long low, long high, long... shape) {
    return Tensor.make(() -> torch.randint(low, high, shape, argument, Options.of(DType.INT64)));
  }

  /** The numbers 0 to n - 1 in random order, int64: {@code torch.randperm}. */
  public synchronized Tensor permutation(long n) {
    return Tensor.make(() -> torch.randperm(n, argument, Options.of(DType.INT64)));
  }

  /** The whole state, uint8, as {@code torch.Generator.get_state} gives it. */
  public synchronized Tensor state() {
    return Tensor.make(generator::get_state);
  }

  /** Goes back to a state that {@link #state} gave. */
  public synchronized void state(Tensor state) {
    // The engine reads the state as a struct: a view of a mapped file may lie where that crashes.
    try (Scope scope = Scope.open()) {
      Tensor aligned = state.copy();
      Engine.call(
          () -> {
            generator.set_state(aligned.handle());
            return null;
          });
    }
  }

  /** Runs {@code draws} from {@code state} on, then goes back to the present state. */
  void replay(Tensor state, Runnable draws) {
    try (Tensor present = Scope.release(state())) {
      state(state);
      try {
        draws.run();
      } finally {
        state(present);
      }
    }
  }

  @Override
  public synchronized void close() {
    argument.close();
    generator.close();
  }
}
