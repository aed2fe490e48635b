package dev.sfumato.tensor;

import static com.google.common.truth.Truth.assertThat;
import static com.google.common.truth.Truth.assertWithMessage;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.sfumato.SfumatoException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Function;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Tensors that one thread closes while others compute with them. */
class ConcurrentCloseTest {
  @TempDir Path folder;

  /** A program of its own, since a native use of freed memory ends the whole of it. */
  static final class Hammer {
    private static final int ROUNDS = 20_000;
    private static final long NANOS = 10_000_000_000L;
    private static final int SIZE = 64;

    /** Computations on ones; each gives the same number for all of its elements. */
    private static final List<Function<Tensor, Tensor>> OPERATIONS =
        List.of(
            x -> x.add(x),
            x -> x.mul(2),
            x -> Functional.matmul(x, x).div(SIZE / 2.0),
            x -> Tensor.cat(List.of(x, x), 0).add(1),
            x -> Tensor.empty(SIZE, SIZE).copy_(x).add_(x, 1),
            x -> Functional.linear(x, x, null).mul(2.0 / SIZE),
            x -> Tensor.of(x.toFloats(), x.shape()).mul(2),
            x -> x.clamp(0, 1).reshape(-1).add(x.mean()));

    private static volatile Tensor shared;
    private static final AtomicLong BEGUN = new AtomicLong();
    private static final AtomicLong RIGHT = new AtomicLong();
    private static final AtomicLong REFUSED = new AtomicLong();
    private static final AtomicLong WRONG = new AtomicLong();

    public static void main(String[] arguments) throws InterruptedException {
      Engine.threads(1);
      shared = Tensor.full(1, SIZE, SIZE);
      List<Thread> threads = new ArrayList<>();
      for (int i = 0; i < 3; i++) {
        int first = i;
        threads.add(new Thread(() -> compute(first)));
      }
      threads.forEach(Thread::start);
      long start = System.nanoTime();
      for (int round = 0; round < ROUNDS && System.nanoTime() - start < NANOS; round++) {
        long begun = BEGUN.get();
        while (BEGUN.get() <= begun + round % 4) {
          Thread.onSpinWait();
        }
        shared.close();
        shared = Tensor.full(1, SIZE, SIZE);
      }
      Tensor last = shared;
      shared = null;
      for (Thread thread : threads) {
        thread.join();
      }
      last.close();
      System.out.printf("%s %s %s %s", RIGHT, REFUSED, WRONG, Scope.liveTensors());
    }

    private static void compute(int number) {
      int next = number;
      for (Tensor x = shared; x != null; x = shared) {
        BEGUN.incrementAndGet();
        try (Scope scope = Scope.open()) {
          float[] values = OPERATIONS.get(next++ % OPERATIONS.size()).apply(x).toFloats();
          boolean right = values.length >= SIZE * SIZE && Arrays.equals(values, twos(values));
          (right ? RIGHT : WRONG).incrementAndGet();
        } catch (SfumatoException e) {
          (e.getMessage().contains("closed") ? REFUSED : WRONG).incrementAndGet();
        }
      }
    }

    private static float[] twos(float[] values) {
      float[] twos = new float[values.length];
      Arrays.fill(twos, 2);
      return twos;
    }
  }

  @Test
  void resultsAreRightOrRefused() throws Exception {
    Path output = folder.resolve("output");
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                System.getProperty("java.class.path"),
                Hammer.class.getName())
            .directory(folder.toFile()) // where a crash leaves its report
            .redirectErrorStream(true)
            .redirectOutput(output.toFile())
            .start();
    assertWithMessage("ends").that(process.waitFor(120, TimeUnit.SECONDS)).isTrue();
    String said = Files.readString(output);
    assertWithMessage(said).that(process.exitValue()).isEqualTo(0);
    String[] counts = said.split(" ");
    assertWithMessage("right").that(Long.parseLong(counts[0])).isAtLeast(1000);
    assertWithMessage("refused").that(Long.parseLong(counts[1])).isAtLeast(100);
    assertWithMessage("wrong").that(counts[2]).isEqualTo("0");
    assertWithMessage("live tensors").that(counts[3]).isEqualTo("0");
  }

  @Test
  void whatIsClosedIsRefused() {
    Tensor x = Tensor.zeros(2);
    x.close();
    x.close();
    for (Runnable use : List.<Runnable>of(x::neg, x::shape, x::toFloats, () -> x.fill_(1))) {
      SfumatoException e = assertThrows(SfumatoException.class, use::run);
      assertThat(e.getMessage()).contains("closed");
    }
    assertThat(x.toString()).isEqualTo("Tensor(closed)");
  }
}
