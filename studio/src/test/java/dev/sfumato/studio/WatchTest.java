package dev.sfumato.studio;

import static com.google.common.truth.Truth.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.sfumato.picture.PictureReader;
import dev.sfumato.pipeline.TinyStableDiffusion;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveOutputStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Watching and starting runs, and looking at pictures, through the server. */
class WatchTest {
  private static final Path FACES = Path.of("../core/src/test/resources/faces");

  @TempDir Path folder;
  private Studio studio;
  private Caller caller;

  @BeforeEach
  void start() {
    studio = Studio.start(Caller.options(folder.resolve("home"), folder, Caller.MODELS));
    caller = new Caller(studio);
  }

  @AfterEach
  void stop() {
    studio.close();
  }

  /** Sends the pixel faces as an archive, with a file that is not a picture if asked for. */
  private String archive(boolean damaged) throws IOException {
    Path zip = folder.resolve("faces.zip");
    try (OutputStream out = Files.newOutputStream(zip);
        ZipOutputStream files = new ZipOutputStream(out)) {
      for (int i = 1; i <= 6; i++) {
        files.putNextEntry(new ZipEntry((i % 2 == 0 ? "even/" : "odd/") + i + ".png"));
        files.write(Files.readAllBytes(FACES.resolve("pixel-" + i + ".png")));
      }
      if (damaged) {
        files.putNextEntry(new ZipEntry("odd/broken.png"));
        files.write("no picture".getBytes(java.nio.charset.StandardCharsets.UTF_8));
      }
    }
    return caller.post("/api/data", Files.readAllBytes(zip)).json().get("data").asText();
  }

  private long train(int steps) throws IOException {
    String form =
        """
        {"name": "mine", "model": "../models/faces", "data": "%s", "steps": %d, "batch_size": 2,
         "learning_rate": 1e-4, "sample_every": 1000}
        """;
    Caller.Answer answer = caller.post("/api/trainings", form.formatted(archive(false), steps));
    assertThat(answer.error()).isEmpty();
    return answer.json().get("job").asLong();
  }

  private JsonNode run() {
    return caller.get("/api/run?name=" + folder.resolve("runs/mine")).json();
  }

  @Test
  void aFineTuningIsWatchedStoppedAndResumed() throws IOException {
    long job = train(500);
    caller.waitFor(job, running -> running.get("step").asLong() >= 2);
    assertThat(caller.get("/api/runs").json().get(0).get("alive").asBoolean()).isTrue();
    assertThat(run().get("losses").size()).isAtLeast(1);
    caller.post("/api/jobs/" + job + "/stop", "");
    JsonNode ended = caller.waitFor(job, Caller::isOver);
    assertThat(ended.get("state").asText()).isEqualTo("done");
    assertThat(ended.get("result").get("finished").asBoolean()).isFalse();

    JsonNode run = run();
    long saved = run.get("step").asLong();
    assertThat(saved).isEqualTo(ended.get("result").get("step").asLong());
    assertThat(run.get("steps").asLong()).isEqualTo(500);
    assertThat(run.get("resumes").asBoolean()).isTrue();
    assertThat(run.get("samples").get(0).asText()).isEqualTo("000000");
    String sample = "/api/run/sample?name=" + folder.resolve("runs/mine") + "&step=";
    assertThat(PictureReader.read(caller.get(sample + "000000").body(), "grid").width())
        .isAtLeast(64);
    assertThat(caller.get(sample + "../../x").status()).isEqualTo(400);

    Path samples = folder.resolve("runs/mine/samples");
    for (String later : new String[] {"step-1000000.png", "step-999999.png"}) {
      Files.copy(samples.resolve("step-000000.png"), samples.resolve(later));
    }
    assertThat(run().get("samples").toString()).endsWith("\"999999\",\"1000000\"]");

    Caller.Answer resumed = caller.post("/api/run/resume?name=" + folder.resolve("runs/mine"), "");
    long second = resumed.json().get("job").asLong();
    caller.waitFor(second, running -> running.get("step").asLong() >= saved + 1);
    caller.post("/api/jobs/" + second + "/stop", "");
    caller.waitFor(second, Caller::isOver);
    assertThat(run().get("step").asLong()).isGreaterThan(saved);
    assertThat(caller.get("/api/choices").json().get("models").toString()).contains("runs/mine");
  }

  @Test
  void aLoraIsTrainedAndDrawnWith() throws IOException {
    TinyStableDiffusion.write(folder.resolve("rose"), "sd1");
    JsonNode run =
        tuned("\"method\":\"lora\",\"rank\":2,\"prompt\":\"a sks face\"").get("settings");
    assertThat(run.get("method").asText()).isEqualTo("lora");
    assertThat(run.get("lora_rank").asInt()).isEqualTo(2);
    assertThat(run.get("instance_prompt").asText()).isEqualTo("a sks face");
    assertThat(run.get("learning_rate").asDouble()).isEqualTo(1e-4);
    String lora = folder.resolve("runs/mine/pytorch_lora_weights.safetensors").toString();
    assertThat(caller.get("/api/choices").json().get("loras").toString()).contains(lora);
    String drawing =
        "{\"model\":\"%s\",\"count\":1,\"steps\":1,\"prompt\":\"a sks face\","
            + "\"loras\":[{\"path\":\"%s\",\"scale\":1}]}";
    JsonNode drawn = caller.drawn(drawing.formatted(folder.resolve("rose"), lora));
    assertThat(drawn.get("message").asText()).isEmpty();
  }

  @Test
  void aWordIsLearned() throws IOException {
    TinyStableDiffusion.write(folder.resolve("rose"), "sd1");
    JsonNode run =
        tuned(
                "\"method\":\"textual-inversion\",\"word\":\"<sks>\",\"like\":\"red\","
                    + "\"prompt\":\"a <sks>\",\"learning_rate\":0.02")
            .get("settings");
    assertThat(run.get("placeholder_token").asText()).isEqualTo("<sks>");
    assertThat(run.get("caption_dropout").asDouble()).isEqualTo(0);
    assertThat(run.get("learning_rate").asDouble()).isEqualTo(0.02);
    String word = folder.resolve("runs/mine/learned_embeds.safetensors").toString();
    assertThat(caller.get("/api/choices").json().get("words").toString()).contains(word);
    String drawing =
        "{\"model\":\"%s\",\"count\":1,\"steps\":1,\"prompt\":\"a <sks>\",\"words\":[\"%s\"]}";
    JsonNode drawn = caller.drawn(drawing.formatted(folder.resolve("rose"), word));
    assertThat(drawn.get("message").asText()).isEmpty();
  }

  /** Fine-tunes the small text-to-image model for two steps, and returns the run. */
  private JsonNode tuned(String method) throws IOException {
    String form =
        "{\"name\":\"mine\",\"model\":\"%s\",\"data\":\"%s\",\"steps\":2,\"batch_size\":1,%s}";
    Caller.Answer answer =
        caller.post(
            "/api/trainings", form.formatted(folder.resolve("rose"), archive(false), method));
    assertThat(answer.error()).isEmpty();
    JsonNode ended = caller.waitFor(answer.json().get("job").asLong(), Caller::isOver);
    assertThat(ended.get("message").asText()).isEmpty();
    assertThat(ended.get("result").get("finished").asBoolean()).isTrue();
    return run();
  }

  @Test
  void aMethodNeedsItsWords() {
    String form =
        "{\"name\":\"mine\",\"model\":\"../models/faces-sd\",\"data\":\"mnist\",\"steps\":1,";
    assertThat(caller.post("/api/trainings", form + "\"method\":\"magic\"}").error())
        .contains("'magic' is unknown");
    String word = form + "\"method\":\"textual-inversion\",\"word\":\"<sks>\"}";
    assertThat(caller.post("/api/trainings", word).error()).contains("give the new word");
    assertThat(caller.post("/api/trainings", form + "\"method\":\"lora\",\"rank\":0}").status())
        .isEqualTo(400);
  }

  @Test
  void theEndOfTheStudioSavesATraining() throws IOException {
    long job = train(500);
    caller.waitFor(job, running -> running.get("step").asLong() >= 1);
    stop();
    assertThat(dev.sfumato.run.OutputDirectory.hasCheckpoint(folder.resolve("runs/mine"))).isTrue();
    start();
    assertThat(run().get("resumes").asBoolean()).isTrue();
  }

  @Test
  void aRunIsNotOverwritten() throws IOException {
    Files.createDirectories(folder.resolve("runs/mine"));
    String form =
        "{\"name\":\"mine\",\"model\":\"../models/faces\",\"data\":\"mnist\",\"steps\":1}";
    assertThat(caller.post("/api/trainings", form).error()).contains("there is such a run");
  }

  // ---- looking

  @Test
  void aDataSetSaysWhatItHolds() throws IOException {
    JsonNode found = look(archive(true));
    assertThat(found.get("count").asInt()).isEqualTo(6);
    assertThat(found.get("classes").get(0).get("name").asText()).isEqualTo("even");
    assertThat(found.get("classes").get(0).get("count").asInt()).isEqualTo(3);
    assertThat(found.get("lines").toString()).contains("odd/broken.png");
    assertThat(found.get("shown").get(0).get("picture").asText()).startsWith("data:image/png");
    assertThat(found.get("shown").size()).isEqualTo(6);
  }

  @Test
  void aTarIsRead() throws IOException {
    byte[] tar = tar("odd/1.png", Files.readAllBytes(FACES.resolve("pixel-1.png")));
    String data = caller.post("/api/data", tar).json().get("data").asText();
    assertThat(look(data).get("count").asInt()).isEqualTo(1);
  }

  private static byte[] tar(String name, byte[] content) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (TarArchiveOutputStream tar = new TarArchiveOutputStream(bytes)) {
      TarArchiveEntry entry = new TarArchiveEntry(name);
      entry.setSize(content.length);
      tar.putArchiveEntry(entry);
      tar.write(content);
      tar.closeArchiveEntry();
    }
    return bytes.toByteArray();
  }

  private JsonNode look(String data) {
    long job = caller.post("/api/looks?data=" + data, "").json().get("job").asLong();
    JsonNode ended = caller.waitFor(job, Caller::isOver);
    assertThat(ended.get("message").asText()).isEmpty();
    return ended.get("result");
  }

  @Test
  void picturesAreScoredAgainstTexts() throws IOException {
    String id =
        caller
            .post("/api/pictures", Files.readAllBytes(FACES.resolve("cartoon-1.png")))
            .json()
            .get("id")
            .asText();
    String asked =
        "{\"clip\":\"../models/clip-faces\",\"pictures\":[\"%s\"],\"texts\":[\"red hair\",\"glasses\"]}";
    long job = caller.post("/api/scores", asked.formatted(id)).json().get("job").asLong();
    JsonNode scores = caller.waitFor(job, Caller::isOver).get("result");
    double sum = 0;
    for (JsonNode probability : scores.get("probability").get(0)) {
      sum += probability.asDouble();
    }
    assertThat(sum).isWithin(1e-5).of(1);
    assertThat(scores.get("similarity").get(0).size()).isEqualTo(2);
  }
}
