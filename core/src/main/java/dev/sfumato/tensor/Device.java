package dev.sfumato.tensor;

import dev.sfumato.SfumatoException;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.function.Supplier;
import java.util.stream.IntStream;

/**
 * A place for tensors: the host's memory or a card.
 *
 * @param type {@code cpu}, {@code cuda} or {@code meta}, where tensors have a shape and no elements
 * @param index the card's number; 0 for the others
 */
public record Device(String type, int index) {
  /** The host's memory. */
  public static final Device CPU = new Device("cpu", 0);

  /**
   * Reads {@code auto}, {@code cpu}, {@code cuda} or {@code cuda:N}; {@code auto} is the card with
   * the most free memory where the engine finds one, else the CPU, and {@code cuda} the first card.
   *
   * @throws SfumatoException for another name, or a card that does not exist
   */
  public static Device parse(String name) {
    return parse(name, name.equals("cpu") ? 0 : Engine.cards(), Device::freeBytes);
  }

  /**
   * The same on a machine with {@code cards} cards.
   *
   * @param freeBytes the free memory of each card; asked only if there are several
   */
  static Device parse(String name, int cards, Supplier<List<Long>> freeBytes) {
    if (name.equals("cpu") || name.equals("auto") && cards == 0) {
      return CPU;
    }
    if (!name.matches("auto|cuda(:\\d{1,3})?")) {
      throw new SfumatoException("device '" + name + "' is unknown: use auto, cpu, cuda or cuda:N");
    }
    if (name.equals("auto")) {
      return new Device("cuda", cards == 1 ? 0 : freest(freeBytes.get(), cards));
    }
    int colon = name.indexOf(':');
    int number = colon < 0 ? 0 : Integer.parseInt(name.substring(colon + 1));
    if (number >= cards) {
      String found =
          cards == 0
              ? "the engine finds no CUDA card (missing: "
                  + Machine.missing()
                  + "): see docs/gpu.md, or use `device` cpu"
              : "the last card is cuda:" + (cards - 1) + "; use `device` auto";
      throw new SfumatoException("device '" + name + "' does not exist: " + found);
    }
    return new Device("cuda", number);
  }

  /**
   * Returns the card of one of several processes on this machine: each has its own.
   *
   * @throws SfumatoException if there are fewer cards than processes
   */
  public static Device of(Rendezvous place) {
    return of(place, Engine.cards());
  }

  static Device of(Rendezvous place, int cards) {
    int wanted = Math.max(place.localSize(), place.localRank() + 1);
    if (wanted > cards) {
      throw new SfumatoException(
          String.format(
              Locale.ROOT,
              "%d processes on this machine need a card each, but the engine finds %d: start fewer,"
                  + " or let them share one with `device` cuda:0",
              wanted,
              cards));
    }
    return new Device("cuda", place.localRank());
  }

  private static int freest(List<Long> freeBytes, int cards) {
    return IntStream.range(0, Math.min(cards, freeBytes.size()))
        .boxed()
        .max(Comparator.comparing(freeBytes::get).thenComparing(Comparator.reverseOrder()))
        .orElse(0);
  }

  private static List<Long> freeBytes() {
    return NvidiaDriver.ask().map(NvidiaDriver.Found::cards).orElse(List.of()).stream()
        .map(card -> card.freeBytes().orElse(0))
        .toList();
  }

  /** Returns the engine's object for this device, to be closed. */
  org.bytedeco.pytorch.Device handle() {
    return new org.bytedeco.pytorch.Device(toString());
  }

  /** Returns the device of {@code tensor}. */
  static Device of(org.bytedeco.pytorch.Tensor tensor) {
    if (tensor.is_cpu()) {
      return CPU;
    }
    try (org.bytedeco.pytorch.Device device = tensor.device()) {
      return new Device(tensor.is_meta() ? "meta" : "cuda", Math.max(0, device.index()));
    }
  }

  /** Returns true if this is a card. */
  public boolean isCuda() {
    return type.equals("cuda");
  }

  /** Returns true if this is the host's memory. */
  public boolean isCpu() {
    return type.equals("cpu");
  }

  @Override
  public String toString() {
    return isCuda() ? type + ":" + index : type;
  }
}
