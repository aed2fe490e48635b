package dev.sfumato.tensor;

import java.util.concurrent.atomic.AtomicLong;
import org.bytedeco.pytorch.MemoryFormatOptional;

/**
 * Moves tensors between the host's memory and cards, and counts these moves.
 *
 * <p>What the host sends to a card does not make it wait, except for large tensors such as the
 * weights of a model. What it reads from a card makes it wait until the card has computed it. A
 * loop that is as fast as the card sends little and reads nothing.
 */
public final class Moves {
  private static final AtomicLong SENT = new AtomicLong();
  private static final AtomicLong READ = new AtomicLong();

  /** Copies up to this size go through memory that the card can read by itself. */
  private static final long PINNED_BYTES = 64 << 20;

  private static final MemoryFormatOptional SAME_FORMAT = Engine.call(MemoryFormatOptional::new);

  private Moves() {}

  /** Returns how many tensors this process has sent to cards. */
  public static long sent() {
    return SENT.get();
  }

  /** Returns how many tensors this process has read from cards, each time waiting for the card. */
  public static long read() {
    return READ.get();
  }

  /** Counts a read if {@code handle} lies on a card; call it before the engine reads a number. */
  static org.bytedeco.pytorch.Tensor reading(org.bytedeco.pytorch.Tensor handle) {
    if (!handle.is_cpu()) {
      READ.incrementAndGet();
    }
    return handle;
  }

  /** Copies a tensor to another device. */
  static org.bytedeco.pytorch.Tensor move(org.bytedeco.pytorch.Tensor from, Device device) {
    if (device.isCpu()) {
      return to(reading(from), device, false);
    }
    SENT.incrementAndGet();
    if (!device.isCuda() || !from.is_cpu() || from.nbytes() > PINNED_BYTES) {
      return to(from, device, false);
    }
    // The engine keeps the pinned memory until the card has read it.
    try (org.bytedeco.pytorch.Tensor pinned = from.pin_memory()) {
      return to(pinned, device, true);
    }
  }

  private static org.bytedeco.pytorch.Tensor to(
      org.bytedeco.pytorch.Tensor from, Device device, boolean withoutWaiting) {
    try (org.bytedeco.pytorch.Device target = device.handle()) {
      return from.to(target, from.scalar_type(), withoutWaiting, false, SAME_FORMAT);
    }
  }
}
