package dev.sfumato.tensor;

import static com.google.common.truth.Truth.assertThat;
import static com.google.common.truth.Truth.assertWithMessage;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.bytedeco.javacpp.Pointer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class EngineTest {
  @TempDir Path folder;

  // ---- a fresh process

  /** What a fresh process does first, then how JavaCPP was set up by that. */
  static final class FirstUse {
    private FirstUse() {}

    public static void main(String[] arguments) {
      switch (arguments[0]) {
        case "tensor" -> Tensor.zeros(2).close();
        case "functional" -> {
          try (Scope scope = Scope.open()) {
            Functional.avgPool2d(Tensor.zeros(1, 1, 2, 2), 2);
          }
        }
        case "rng" -> new Rng(1).close();
        case "threads" -> Engine.threads(1);
        case "describe" -> {
          Safetensors.open(Path.of(arguments[1])).describe();
          System.out.print("no engine");
          return;
        }
        default -> throw new AssertionError(arguments[0]);
      }
      boolean collects =
          Thread.getAllStackTraces().keySet().stream()
              .anyMatch(thread -> thread.getName().contains("JavaCPP Deallocator"));
      System.out.print(Pointer.maxBytes() + " " + Pointer.maxPhysicalBytes() + " " + collects);
    }
  }

  /** A program that may have used JavaCPP before Sfumato was loaded is not what is tested here. */
  @ParameterizedTest
  @ValueSource(strings = {"tensor", "functional", "rng", "threads"})
  void isPreparedBeforeItsFirstUseAndSilently(String first) throws Exception {
    Started started = start(List.of(), first);
    assertThat(started.errors()).isEmpty();
    assertThat(started.output()).isEqualTo("0 0 false");
  }

  @Test
  void settingsOfTheUserAreRespected() throws Exception {
    Started started = start(List.of("-Dorg.bytedeco.javacpp.maxBytes=64M"), "tensor");
    assertThat(started.output()).isEqualTo((64 << 20) + " 0 false");
  }

  @Test
  void describingAFileDoesNotLoadTheEngine() throws Exception {
    Started started =
        start(
            List.of("-Dorg.bytedeco.javacpp.platform=none"), // loading anything would fail
            "describe",
            Golden.path("rng.safetensors").toString());
    assertThat(started.errors()).isEmpty();
    assertThat(started.output()).isEqualTo("no engine");
  }

  private record Started(String output, String errors) {}

  private Started start(List<String> flags, String... arguments)
      throws IOException, InterruptedException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(flags);
    command.addAll(
        List.of(
            "-XX:TieredStopAtLevel=1",
            "-cp",
            System.getProperty("java.class.path"),
            FirstUse.class.getName()));
    command.addAll(List.of(arguments));
    Path output = folder.resolve("output");
    Path errors = folder.resolve("errors");
    Process process =
        new ProcessBuilder(command)
            .redirectOutput(output.toFile())
            .redirectError(errors.toFile())
            .start();
    assertWithMessage("ends").that(process.waitFor(120, TimeUnit.SECONDS)).isTrue();
    return new Started(
        Files.readString(output, StandardCharsets.UTF_8),
        Files.readString(errors, StandardCharsets.UTF_8));
  }

  // ---- errors

  @Test
  void errorsAreOneLineWithoutNativeFrames() {
    try (Scope scope = Scope.open()) {
      Tensor x = Tensor.zeros(1, 3, 8, 8);
      Tensor weight = Tensor.zeros(4, 2, 3, 3);
      for (Runnable wrong :
          List.<Runnable>of(
              () -> Functional.conv2d(x, weight, null, 1, 1, 1),
              () -> Functional.matmul(x, weight),
              () -> x.reshape(7),
              () -> x.narrow(1, 2, 5),
              () -> x.backward(),
              () -> Tensor.zeros(-1),
              () -> Tensor.zeros(1L << 60))) {
        SfumatoException e = assertThrows(SfumatoException.class, wrong::run);
        assertThat(e.getMessage()).doesNotContain("\n");
        assertThat(e.getMessage()).doesNotContain("frame #");
        assertThat(e.getMessage()).doesNotContain("Exception raised");
        assertThat(e.getMessage().length()).isIn(com.google.common.collect.Range.closed(10, 500));
      }
    }
  }

  @Test
  void theNumberOfThreadsIsChecked() {
    SfumatoException e = assertThrows(SfumatoException.class, () -> Engine.threads(0));
    assertThat(e.getMessage()).contains("at least 1");
  }

  @Test
  void theNumberOfThreadsCanBeChangedLater() {
    int before = Engine.threads();
    try (Scope scope = Scope.open()) {
      Tensor x = new Rng(1).normal(64, 64);
      Tensor two = Functional.matmul(x, x);
      Engine.threads(1);
      assertThat(Engine.threads()).isEqualTo(1);
      TensorSubject.assertThat(Functional.matmul(x, x)).isWithin(1e-5).relativeToScale().of(two);
      Engine.threads(2);
      assertThat(Engine.threads()).isEqualTo(2);
    } finally {
      Engine.threads(before);
    }
  }

  // ---- a long run

  @Test
  void aLongRunLeavesNothingBehind() throws IOException {
    long tensors = Scope.liveTensors();
    work(2_000);
    long pointers = Pointer.totalCount();
    long resident = Memory.residentKilobytes();
    work(20_000);
    assertThat(Scope.liveTensors()).isEqualTo(tensors);
    assertWithMessage("native objects").that(Pointer.totalCount() - pointers).isAtMost(0);
    // Java's own heap and compiled code may still grow a little.
    assertWithMessage("growth in kB")
        .that(Memory.residentKilobytes() - resident)
        .isLessThan(40_000);
  }

  /** At least {@code operations} operations of all kinds, some of which fail. */
  private static void work(int operations) {
    try (Scope outer = Scope.open();
        Rng rng = new Rng(3)) {
      Tensor weight = rng.normal(4, 3, 3, 3).requiresGrad(true);
      Tensor bias = Tensor.zeros(4).requiresGrad(true);
      Tensor image = rng.normal(2, 3, 8, 8);
      Tensor labels = rng.integers(0, 4, 2);
      for (int i = 0; i < operations; i += 25) {
        try (Scope scope = Scope.open()) {
          Tensor x = Functional.conv2d(image, weight, bias, 1, 1, 1).add(0.5).mul(2);
          x = Functional.silu(x);
          x = Functional.groupNorm(x, 2, Tensor.full(1, 4), null, 1e-5).clamp(-3, 3);
          x = Functional.avgPool2d(Functional.upsampleNearest(x, 16, 16), 2);
          Tensor logits = x.mean(false, 2, 3);
          Tensor loss = Functional.crossEntropy(logits, labels);
          loss.add(x.square().mean()).backward();
          assertThat(Autograd.gathered(weight)).isPresent();
          Autograd.gradient(Functional.silu(weight).norm(), weight);
          Autograd.forget(weight);
          Autograd.forget(bias);
          try (Autograd.Recording off = Autograd.off()) {
            weight.add_(rng.uniform(4, 3, 3, 3), 1e-9);
          }
          Tensor joined = Tensor.cat(List.of(x.detach(), x.detach()), 1).to(DType.BFLOAT16);
          joined.transpose(0, 1).select(0, 1).argmax(-1).toLongs();
          x.quantile(0.5, 1).isFinite();
          assertThrows(SfumatoException.class, () -> image.add(bias));
        }
      }
    }
  }
}
