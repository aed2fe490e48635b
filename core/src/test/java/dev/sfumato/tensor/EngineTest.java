package dev.sfumato.tensor;

import static com.google.common.truth.Truth.assertThat;
import static com.google.common.truth.Truth.assertWithMessage;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.sfumato.SfumatoException;
import java.io.IOException;
import java.lang.invoke.MethodHandles;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.bytedeco.javacpp.Pointer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class EngineTest {
  @TempDir Path folder;

  // ---- a fresh process

  /** Runs the first action of a fresh process, then prints JavaCPP's resulting settings. */
  static final class FirstUse {
    private FirstUse() {}

    public static void main(String[] arguments) throws Exception {
      switch (arguments[0]) {
        case "tensor" -> Tensor.zeros(2).close();
        case "functional" -> MethodHandles.lookup().ensureInitialized(Functional.class);
        case "rng" -> new Rng(1).close();
        case "threads" -> Engine.threads(1);
        case "soak" -> {
          Engine.threads(1); // threads that wait for each other are slow on a busy machine
          work(8_000);
          long before = Memory.residentKilobytes();
          work(20_000);
          System.out.print(Scope.liveTensors() + " " + (Memory.residentKilobytes() - before));
          return;
        }
        case "work" -> {
          work(250);
          long before = Pointer.totalCount();
          work(500);
          System.out.print(Pointer.totalCount() - before);
          return;
        }
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

  /** OpenMP prints the settings that it has read, once it is loaded. */
  @ParameterizedTest
  @CsvSource({", 10000", "777, 777"})
  void threadsThatWaitSpinForAMomentUnlessTheUserSaysSo(String ofTheUser, String spins)
      throws Exception {
    Map<String, String> environment = new HashMap<>(Map.of("OMP_DISPLAY_ENV", "verbose"));
    if (ofTheUser != null) {
      environment.put("GOMP_SPINCOUNT", ofTheUser);
    }
    Started started = start(List.of(), environment, "tensor");
    assertThat(started.errors()).contains("GOMP_SPINCOUNT = '" + spins + "'");
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
    return start(flags, Map.of(), arguments);
  }

  private Started start(List<String> flags, Map<String, String> environment, String... arguments)
      throws IOException, InterruptedException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(flags);
    command.addAll(
        List.of(
            "--enable-native-access=ALL-UNNAMED",
            "-XX:TieredStopAtLevel=1",
            "-cp",
            System.getProperty("java.class.path"),
            FirstUse.class.getName()));
    command.addAll(List.of(arguments));
    Path output = folder.resolve("output");
    Path errors = folder.resolve("errors");
    ProcessBuilder builder =
        new ProcessBuilder(command).redirectOutput(output.toFile()).redirectError(errors.toFile());
    builder.environment().putAll(environment);
    Process process = builder.start();
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
    int most = 8 * Runtime.getRuntime().availableProcessors();
    e = assertThrows(SfumatoException.class, () -> Engine.threads(most + 1));
    assertThat(e.getMessage()).contains("at most " + most);
    assertThrows(SfumatoException.class, () -> Engine.threads(100_000)); // killed the JVM
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
  void aLongRunLeavesNothingBehind() throws Exception {
    // A Java heap of fixed size, so that what grows is the engine's memory.
    String[] found = start(List.of("-Xms64m", "-Xmx64m"), "soak").output().split(" ");
    assertWithMessage("live tensors").that(found[0]).isEqualTo("0");
    assertWithMessage("growth in kB").that(Long.parseLong(found[1])).isLessThan(15_000);
  }

  /** JavaCPP counts its native objects, arguments included, only while it collects them itself. */
  @Test
  void noOperationLosesANativeObject() throws Exception {
    List<String> flags =
        List.of(
            "-Dorg.bytedeco.javacpp.nopointergc=false",
            "-XX:+UnlockExperimentalVMOptions",
            "-XX:+UseEpsilonGC", // which never collects, and so hides no loss
            "-Xms1g",
            "-Xmx1g",
            "-Xlog:gc*=off");
    assertThat(start(flags, "work").output()).isEqualTo("0");
  }

  /** At least {@code operations} operations of all kinds, some of which fail. */
  private static void work(int operations) {
    try (Scope outer = Scope.open();
        Rng rng = new Rng(3)) {
      Tensor weight = rng.normal(4, 3, 3, 3).requiresGrad(true);
      Tensor image = rng.normal(2, 3, 8, 8);
      Tensor labels = rng.integers(0, 4, 2);
      for (int i = 0; i < operations; i += 50) {
        try (Scope scope = Scope.open()) {
          learn(image, labels, weight, rng);
          compute(image, rng);
          assertThat(Safetensors.open(Golden.path("solvers.safetensors")).tensors()).isNotEmpty();
          assertThat(TorchCheckpoint.read(Golden.path("checkpoints/legacy.pt"))).isNotEmpty();
          assertThrows(SfumatoException.class, () -> image.add(labels));
        }
      }
    }
  }

  private static void learn(Tensor image, Tensor labels, Tensor weight, Rng rng) {
    Tensor bias = Tensor.zeros(4).requiresGrad(true);
    Tensor x = Functional.silu(Functional.conv2d(image, weight, bias, 1, 1, 1).add(0.5).mul(2));
    x = Functional.groupNorm(x, 2, Tensor.full(1, 4), null, 1e-5).clamp(-3, 3);
    x = Functional.avgPool2d(Functional.upsampleNearest(x, 16, 16), 2);
    Tensor loss = Functional.crossEntropy(x.mean(false, 2, 3), labels);
    loss.add(Functional.meanSquaredError(x, Tensor.zeros(2, 4, 8, 8))).backward();
    Autograd.gradient(Functional.silu(weight).norm(), weight);
    List<Tensor> gradients = List.of(Autograd.gathered(weight).orElseThrow());
    assertThat(Autograd.gathered(labels)).isEmpty();
    try (Autograd.Recording off = Autograd.off()) {
      List<Tensor> m = List.of(Tensor.zeros(4, 3, 3, 3));
      List<Tensor> v = List.of(Tensor.zeros(4, 3, 3, 3));
      List<Tensor> steps = List.of(Tensor.zeros());
      OptimizerKernels.adamStep(
          List.of(weight),
          gradients,
          m,
          v,
          steps,
          1e-9,
          0.9,
          0.99,
          1e-8,
          0,
          true,
          Tensor.scalar(1));
      OptimizerKernels.clip_(gradients, OptimizerKernels.norm(gradients), 1);
      OptimizerKernels.lerp_(m, v, 0.5);
      weight.add_(rng.uniform(4, 3, 3, 3), 1e-9);
    }
    Autograd.forget(weight);
  }

  private static void compute(Tensor x, Rng rng) {
    Tensor joined = Tensor.stack(List.of(x, Tensor.cat(List.of(x, x), 0).narrow(0, 1, 2)), 1);
    assertThat(joined.to(DType.BFLOAT16).permute(4, 0, 1, 2, 3).select(0, 1).isFinite()).isTrue();
    joined.reshape(-1).unsqueeze(0).expand(3, -1).quantile(0.5, 1).maximum(Tensor.scalar(1));
    x.where(x.lessThan(0), x.pow(2)).sub(1).div(x.abs().sqrt().exp()).argmax(-1).toLongs();
    Functional.attention(x, x, x).transpose(1, 2).contiguous().toBytes();
    Functional.embedding(Tensor.of(new float[] {1, 2}, 1, 2), Tensor.of(new long[2], 2));
    Functional.pad(x, 1, 1).indexSelect(1, Tensor.arange(2)).copy().fill_(2).mul_(3).norm();
    assertThat(x.to(StandInCard.DEVICE).device()).isEqualTo(StandInCard.DEVICE);
    Tensor.full(StandInCard.DEVICE, 3, 2).add(Tensor.arange(StandInCard.DEVICE, 2));
    Functional.linear(Tensor.zeros(1024, 64), Tensor.zeros(128, 64).requiresGrad(true), null)
        .sum()
        .backward();
    rng.state(rng.state());
    rng.permutation(5).to(Device.CPU).equalTo(Tensor.arange(5));
    rng.normal(3).copy_(Tensor.scalar(1)).share_(Tensor.zeros(3)).toFloats();
  }
}
