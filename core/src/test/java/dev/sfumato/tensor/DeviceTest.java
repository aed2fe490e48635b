package dev.sfumato.tensor;

import static com.google.common.truth.Truth.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.sfumato.SfumatoException;
import java.util.List;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class DeviceTest {
  private static final Supplier<List<Long>> UNASKED =
      () -> {
        throw new AssertionError("the driver need not be asked");
      };

  @ParameterizedTest
  @CsvSource({
    "auto, 0, cpu",
    "cpu, 4, cpu",
    "auto, 1, cuda:0",
    "cuda, 2, cuda:0",
    "cuda:1, 2, cuda:1"
  })
  void findsTheDevice(String name, int cards, String expected) {
    assertThat(Device.parse(name, cards, UNASKED).toString()).isEqualTo(expected);
  }

  @Test
  void autoTakesTheCardWithTheMostFreeMemory() {
    assertThat(Device.parse("auto", 3, () -> List.of(5L, 9L, 7L)).index()).isEqualTo(1);
    assertThat(Device.parse("auto", 3, () -> List.of(9L, 5L, 9L)).index()).isEqualTo(0);
    assertThat(Device.parse("auto", 2, () -> List.of(5L, 4L, 9L)).index()).isEqualTo(0);
    assertThat(Device.parse("auto", 2, List::of).index()).isEqualTo(0); // the driver says nothing
  }

  @Test
  void aCardBeyondTheLastIsNamed() {
    assertThat(failure("cuda:2", 2)).contains("'cuda:2' does not exist: the last card is cuda:1");
    assertThat(failure("cuda", 0))
        .contains(
            "'cuda' does not exist: the engine finds no CUDA card (missing: " + Machine.missing());
  }

  @ParameterizedTest
  @CsvSource({"0, 1, 1", "1, 2, 2", "1, 2, 4", "1, 1, 2"})
  void eachProcessHasItsOwnCard(int rank, int processes, int cards) {
    assertThat(Device.of(place(rank, processes), cards)).isEqualTo(new Device("cuda", rank));
  }

  /** All of them say so, not only those beyond the last card. */
  @ParameterizedTest
  @CsvSource({"0, 2, 1, 2", "1, 2, 1, 2", "1, 1, 1, 2", "0, 4, 3, 4"})
  void fewerCardsThanProcessesAreAnError(int rank, int processes, int cards, int wanted) {
    assertThat(
            assertThrows(SfumatoException.class, () -> Device.of(place(rank, processes), cards))
                .getMessage())
        .isEqualTo(
            wanted
                + " processes on this machine need a card each, but the engine finds "
                + cards
                + ": start fewer, or let them share one with `device` cuda:0");
  }

  private static Rendezvous place(int rank, int processes) {
    return new Rendezvous(rank, 8, rank, processes, "localhost", 1, false, "0");
  }

  @ParameterizedTest
  @ValueSource(strings = {"gpu", "cuda:", "cuda:-1", "cuda:1000", "meta", ""})
  void otherNamesAreErrors(String name) {
    assertThat(failure(name, 2)).contains("use auto, cpu, cuda or cuda:N");
  }

  private static String failure(String name, int cards) {
    return assertThrows(SfumatoException.class, () -> Device.parse(name, cards, UNASKED))
        .getMessage();
  }

  /** The message is libtorch's own, shortened. */
  @Test
  void aFullCardSaysWhatHelps() {
    String said =
        Engine.explained(
            "CUDA out of memory. Tried to allocate 20.00 MiB. GPU 0 has a total capacity of 79.10"
                + " GiB of which 10.25 MiB is free. Process 1 has 79.09 GiB memory in use.");
    assertThat(said).startsWith("the card's memory is full (tried to allocate 20.00 MiB)");
    assertThat(said).contains("`batchSize`");
    assertThat(said).contains("`resume`");
    assertThat(Engine.explained("CUDA error: out of memory")).contains("`gradientCheckpointing`");
    assertThat(Engine.explained("another error")).isEqualTo("another error");
  }

  @Test
  void aFullMemorySaysWhatHelps() {
    long[] exabytes = {1L << 30, 1L << 28};
    assertThat(assertThrows(SfumatoException.class, () -> Tensor.zeros(exabytes)))
        .hasMessageThat()
        .startsWith(
            "the memory is full (tried to allocate 1152921504606 MB): use a smaller"
                + " `batchSize` or smaller pictures");
    String small = "DefaultCPUAllocator: can't allocate memory: you tried to allocate 64 bytes.";
    assertThat(Engine.explained(small)).startsWith("the memory is full: use");
    assertThat(Engine.explained("std::bad_alloc")).startsWith("the memory is full: use");
  }
}
