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
  /** The generators of cards, of which the engine has one each for all threads. */
  private static final Object CARDS = new Object();

  private final Generator generator;
  private final GeneratorOptional argument;

  /**
   * Makes a generator that starts from {@code seed}, as {@code
   * torch.Generator().manual_seed(seed)}.
   */
  public Rng(long seed) {
    generator = Engine.call(() -> torch.createCPUGenerator(seed));
    argument = new GeneratorOptional(generator);
  }

  /** Draws standard normal numbers, float32: {@code torch.randn}. */
  public synchronized Tensor normal(long... shape) {
    return Tensor.make(() -> torch.randn(shape, argument, Options.of(DType.FLOAT32)));
  }

  /** Draws uniform numbers in [0, 1), float32: {@code torch.rand}. */
  public synchronized Tensor uniform(long... shape) {
    return Tensor.make(() -> torch.rand(shape, argument, Options.of(DType.FLOAT32)));
  }

  /**
   * Draws uniform numbers in [0, 1), float32, where they are used. A card draws them itself, from a
   * seed that this generator draws: to send many would take longer than to compute with them.
   */
  public synchronized Tensor uniform(Device device, long... shape) {
    if (device.isCpu()) {
      return uniform(shape);
    }
    long seed;
    try (Scope scope = Scope.open()) {
      seed = integers(0, Long.MAX_VALUE, 1).toLongs()[0];
    }
    synchronized (CARDS) {
      return Tensor.make(
          () -> {
            torch.manual_seed(seed);
            return torch.rand(shape, Options.of(DType.FLOAT32, device));
          });
    }
  }

  /** Draws a uniform number in [low, high), float32: {@code torch.empty(1).uniform_(low, high)}. */
  public synchronized Tensor uniformBetween(double low, double high) {
    Tensor number = Tensor.empty(1);
    Engine.call(() -> number.handle().uniform_(low, high, argument));
    return number;
  }

  /** Draws whole numbers in [low, high), int64: {@code torch.randint}. */
  public synchronized Tensor integers(long low, long high, long... shape) {
    return Tensor.make(() -> torch.randint(low, high, shape, argument, Options.of(DType.INT64)));
  }

  /** Returns the numbers 0 to n - 1 in random order, int64: {@code torch.randperm}. */
  public synchronized Tensor permutation(long n) {
    return Tensor.make(() -> torch.randperm(n, argument, Options.of(DType.INT64)));
  }

  /** Returns the whole state, uint8, as {@code torch.Generator.get_state} does. */
  public synchronized Tensor state() {
    return Tensor.make(generator::get_state);
  }

  /** Restores a state that {@link #state} returned. */
  public synchronized void state(Tensor state) {
    // The engine reads the state as a struct: a view of a mapped file may lie at an address where
    // that crashes.
    try (Scope scope = Scope.open()) {
      Tensor aligned = state.copy();
      Engine.call(
          () -> {
            generator.set_state(aligned.handle());
            return null;
          });
    }
  }

  /** Runs {@code draws} from {@code state}, then restores the present state. */
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
