package dev.sfumato.tensor;

import dev.sfumato.SfumatoException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;

/**
 * The engine's object behind a tensor. A call of the engine holds what it asks for until it ends;
 * an operand that is closed meanwhile, by any thread, is freed by the last call that holds it.
 */
final class Operand {
  private static final int CLOSED = Integer.MIN_VALUE;
  private static final ThreadLocal<Calls> OF_THREAD = ThreadLocal.withInitial(Calls::new);

  private final org.bytedeco.pytorch.Tensor handle;

  /** How many calls hold this; negative once it is closed. */
  private final AtomicInteger holders = new AtomicInteger();

  Operand(org.bytedeco.pytorch.Tensor handle) {
    this.handle = handle;
  }

  /** The calls of one thread that run now, one inside the other, and what they hold. */
  private static final class Calls {
    private final List<Operand> held = new ArrayList<>();
    private int depth;
  }

  /** Runs a call of the engine, then lets go of what it has asked for. */
  static <T> T during(Supplier<T> call) {
    Calls calls = OF_THREAD.get();
    int before = calls.held.size();
    calls.depth++;
    try {
      return call.get();
    } finally {
      calls.depth--;
      for (int last = calls.held.size() - 1; last >= before; last--) {
        calls.held.remove(last).letGo();
      }
    }
  }

  /**
   * The engine's object, which the present call holds from now on.
   *
   * @throws SfumatoException if it is closed
   */
  org.bytedeco.pytorch.Tensor hold() {
    Calls calls = OF_THREAD.get();
    if (calls.depth == 0) {
      throw new AssertionError("a native tensor is used outside of a call");
    }
    int others;
    do {
      others = holders.get();
      if (others < 0) {
        throw new SfumatoException("the tensor, or the scope or model that it is of, is closed");
      }
    } while (!holders.compareAndSet(others, others + 1));
    calls.held.add(this);
    return handle;
  }

  private void letGo() {
    if (holders.decrementAndGet() == CLOSED) {
      handle.close();
    }
  }

  boolean isClosed() {
    return holders.get() < 0;
  }

  /** Frees the engine's object as soon as no call holds it; false if that was said before. */
  boolean close() {
    int before = holders.getAndUpdate(count -> count | CLOSED);
    if (before == 0) {
      handle.close();
    }
    return before >= 0;
  }
}
