package dev.sfumato.cli;

import dev.sfumato.io.AtomicFile;
import dev.sfumato.tensor.Safetensors;
import dev.sfumato.tensor.Scope;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;

/**
 * The process in which damaged files are tried: it reads the seed of a case from its input, calls
 * the program, and answers with a line. Dying or falling silent is an answer, too.
 */
final class FuzzWorker {
  private static final int LONGEST_MESSAGE = 410;

  private FuzzWorker() {}

  /** Takes the folder of the seeds and one to work in. */
  public static void main(String[] args) throws IOException {
    FuzzSeeds seeds = new FuzzSeeds(Path.of(args[0]));
    Path folder = Path.of(args[1]);
    PrintStream answers = System.out;
    BufferedReader cases =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    answers.println("ready");
    for (String seed = cases.readLine(); seed != null; seed = cases.readLine()) {
      AtomicFile.delete(folder);
      Files.createDirectories(folder);
      answers.println(answer(seeds, Long.parseLong(seed), folder).replaceAll("\\s+", " "));
    }
  }

  /** The kind of files of a case. */
  static FuzzSeeds.Kind kind(long seed) {
    return FuzzSeeds.Kind.values()[(int) (seed % FuzzSeeds.Kind.values().length)];
  }

  private static String answer(FuzzSeeds seeds, long seed, Path folder) throws IOException {
    List<String> call = seeds.damage(kind(seed), folder, new Random(seed));
    try {
      return judge(Calls.run(call), folder);
    } catch (Throwable e) {
      return "ERROR " + e;
    }
  }

  /** "fine", or a word in capitals and what is wrong. */
  private static String judge(Calls.Result result, Path folder) throws IOException {
    String err = result.err();
    String last = err.lines().filter(line -> !line.isBlank()).reduce((a, b) -> b).orElse("");
    if (result.out().concat(err).contains("\tat ")) {
      return "TRACE " + err;
    }
    if (result.status() == 0) {
      return isFinite(folder) ? "fine" : "NONFINITE";
    }
    if (result.status() > 2 || !last.startsWith("error: ")) {
      return "SILENT status " + result.status() + ": " + err;
    }
    if (last.contains("error: unexpected ")) {
      return "UNEXPECTED " + last;
    }
    if (last.length() > LONGEST_MESSAGE || last.chars().anyMatch(c -> c < 32)) {
      return "MESSAGE of " + last.length() + " characters: " + last.substring(0, 200);
    }
    return "fine";
  }

  private static boolean isFinite(Path folder) throws IOException {
    Path tensor = folder.resolve("x.safetensors");
    if (Files.exists(tensor)) {
      try (Scope scope = Scope.open()) {
        for (float value : Safetensors.open(tensor).tensor("images").toFloats()) {
          if (!Float.isFinite(value)) {
            return false;
          }
        }
      }
    }
    for (String run : List.of("out", "run")) {
      Path metrics = folder.resolve(run).resolve("metrics.csv");
      if (Files.exists(metrics) && Files.readString(metrics).contains("NaN")) {
        return false;
      }
    }
    return true;
  }
}
