package dev.sfumato.cli;

import static com.google.common.truth.Truth.assertWithMessage;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Damaged files of every kind are refused with one line, or read, and never more: no crash, no
 * hang, no stack trace, no result that is not finite.
 *
 * <pre>
 * mvn -pl cli -am test -Dtest=FuzzTest -Dfuzz.count=2000 -Dsurefire.failIfNoSpecifiedTests=false
 * </pre>
 *
 * <p>{@code -Dfuzz.seed=N} starts at another case; a finding is shown with its own, and {@code
 * -Dfuzz.count=1 -Dfuzz.seed=THAT} makes it again.
 */
class FuzzTest {
  private static final Duration LIMIT = Duration.ofSeconds(10); // of computing
  private static final Duration SILENCE = Duration.ofMinutes(2); // on a machine that is busy

  @TempDir Path folder;
  private Process worker;
  private BufferedReader answers;
  private PrintStream cases;

  @Test
  void damagedFilesAreRefusedWithALine() throws IOException, SQLException, InterruptedException {
    long first = Long.getLong("fuzz.seed", 0);
    long count = Long.getLong("fuzz.count", 64);
    FuzzSeeds.make(folder.resolve("seeds"));
    List<String> findings = new ArrayList<>();
    Map<String, Integer> counts = new TreeMap<>();
    try {
      for (long seed = first; seed < first + count; seed++) {
        String answer = answer(seed);
        counts.merge(answer.split(" ")[0], 1, Integer::sum);
        if (!answer.equals("fine")) {
          String finding = seed + " " + FuzzWorker.kind(seed) + ": " + answer;
          findings.add(finding);
          System.err.println("fuzz: " + finding);
        }
      }
    } finally {
      stop();
    }
    System.err.printf("fuzz: seeds %d to %d: %s%n", first, first + count - 1, counts);
    assertWithMessage(String.join("\n", findings)).that(findings).isEmpty();
  }

  private String answer(long seed) throws IOException, InterruptedException {
    start();
    cases.println(seed);
    CompletableFuture<String> line = CompletableFuture.supplyAsync(this::line);
    Duration before = computed();
    long start = System.nanoTime();
    while (!line.isDone()) {
      boolean computesLong = computed().minus(before).compareTo(LIMIT) > 0;
      if (computesLong || System.nanoTime() - start > SILENCE.toNanos()) {
        stop();
        return "HANG";
      }
      TimeUnit.MILLISECONDS.sleep(5);
    }
    if (line.join().isEmpty()) {
      int status = worker.waitFor();
      stop();
      return "CRASH status " + status;
    }
    return line.join();
  }

  private Duration computed() {
    return worker.info().totalCpuDuration().orElse(Duration.ZERO);
  }

  private String line() {
    try {
      String line = answers.readLine();
      return line == null ? "" : line;
    } catch (IOException e) {
      return "";
    }
  }

  private void start() throws IOException {
    if (worker != null) {
      return;
    }
    ProcessBuilder builder =
        new ProcessBuilder(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-XX:TieredStopAtLevel=1",
            "-XX:+UseSerialGC",
            "-Xmx2g",
            "-XX:ErrorFile=" + folder.resolve("crash-%p.log"),
            "--enable-native-access=ALL-UNNAMED",
            "-Djava.awt.headless=true",
            "-cp",
            System.getProperty("java.class.path"),
            FuzzWorker.class.getName(),
            folder.resolve("seeds").toString(),
            folder.resolve("case").toString());
    builder.environment().put("OPENBLAS_NUM_THREADS", "1");
    builder.environment().put("OMP_WAIT_POLICY", "PASSIVE");
    builder.environment().put("TORCH_CPP_LOG_LEVEL", "FATAL");
    worker = builder.redirectError(ProcessBuilder.Redirect.DISCARD).start();
    answers =
        new BufferedReader(new InputStreamReader(worker.getInputStream(), StandardCharsets.UTF_8));
    cases = new PrintStream(worker.getOutputStream(), true, StandardCharsets.UTF_8);
    assertWithMessage("the worker").that(line()).isEqualTo("ready");
  }

  private void stop() throws InterruptedException {
    if (worker != null) {
      worker.destroyForcibly().waitFor();
      worker = null;
    }
  }
}
