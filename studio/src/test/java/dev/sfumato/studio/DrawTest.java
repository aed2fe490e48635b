package dev.sfumato.studio;

import static com.google.common.truth.Truth.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.sfumato.evaluation.PictureClassifier;
import dev.sfumato.picture.PictureReader;
import dev.sfumato.picture.Png;
import dev.sfumato.pipeline.DiffusionPipeline;
import dev.sfumato.pipeline.TinyStableDiffusion;
import dev.sfumato.sampling.SamplingOptions;
import dev.sfumato.scheduler.SchedulerKind;
import dev.sfumato.tensor.Golden;
import dev.sfumato.tensor.Scope;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Drawing through the server, without a browser. */
class DrawTest {
  private static final String FACES =
      "{\"model\":\"../models/faces\",\"count\":2,\"seed\":7,\"scheduler\":\"ddim\",\"steps\":%d%s}";

  @TempDir Path home;
  private Studio studio;
  private Caller caller;

  @BeforeEach
  void start() {
    studio = Studio.start(Caller.options(home, Caller.MODELS, home));
    caller = new Caller(studio);
  }

  @AfterEach
  void stop() {
    studio.close();
  }

  @Test
  void theChoicesAreTheModelsInTheFolders() {
    JsonNode choices = caller.get("/api/choices").json();
    assertThat(choices.get("models").toString())
        .isEqualTo(
            "[\"../models/cartoons\",\"../models/faces\",\"../models/faces-sd\",\"../models/mnist\"]");
    assertThat(choices.get("clips").toString()).isEqualTo("[\"../models/clip-faces\"]");
    assertThat(choices.get("schedulers").toString()).contains("dpmsolver++");
  }

  @Test
  void theLorasInTheFoldersAreOffered() throws Exception {
    Path run = Files.createDirectories(home.resolve("runs/mine"));
    assertThat(caller.get("/api/choices").json().get("loras").size()).isEqualTo(0);
    Path lora = run.resolve("pytorch_lora_weights.safetensors");
    Files.copy(Golden.path("lora/sd1_peft.safetensors"), lora);
    Files.writeString(run.resolve("damaged.safetensors"), "no tensors");
    assertThat(caller.get("/api/choices").json().get("loras").toString())
        .isEqualTo("[\"" + lora + "\"]"); // neither the models' weights nor the damaged file
    assertThat(caller.get("/api/choices").json().get("models").size()).isEqualTo(4);
  }

  @Test
  void theClassifiersInTheFoldersAreOffered() throws Exception {
    Files.createDirectories(home.resolve("damaged"));
    Files.writeString(home.resolve("damaged/classifier.json"), "{\"side\":3}");
    try (PictureClassifier digits = PictureClassifier.digits()) {
      digits.save(home.resolve("mine"));
    }
    JsonNode offered = caller.get("/api/choices").json().get("classifiers");
    assertThat(offered.findValuesAsText("path"))
        .containsExactly("", home.resolve("mine").toString())
        .inOrder();
    assertThat(offered.get(1).get("side").asInt()).isEqualTo(28);
    assertThat(offered.get(1).get("classes").size()).isEqualTo(10);
  }

  @Test
  void aLoraStaysUntilItsScaleChanges() throws Exception {
    Path model = TinyStableDiffusion.write(home.resolve("rose"), "sd1");
    Path lora =
        Files.copy(Golden.path("lora/sd1_peft.safetensors"), home.resolve("style.safetensors"));
    String drawing = "{\"model\":\"%s\",\"prompt\":\"a red rose\",\"count\":1,\"steps\":2%s}";
    String with = ",\"loras\":[{\"path\":\"%s\",\"scale\":%s}]";
    byte[] plain = picture(drawing.formatted(model, ""));
    byte[] styled = picture(drawing.formatted(model, with.formatted(lora, "1")));
    assertThat(styled).isNotEqualTo(plain);
    assertThat(picture(drawing.formatted(model, with.formatted(lora, "0")))).isEqualTo(plain);
    assertThat(picture(drawing.formatted(model, with.formatted(lora, "1")))).isEqualTo(styled);
    assertThat(picture(drawing.formatted(model, ""))).isEqualTo(plain);
    String wrong = drawing.formatted(model, with.formatted(lora, "\"NaN\""));
    assertThat(caller.post("/api/drawings", wrong).error()).contains("scale of a LoRA");
  }

  private byte[] picture(String drawing) {
    JsonNode job = caller.drawn(drawing);
    assertThat(job.get("message").asText()).isEmpty();
    return caller.get("/gallery/" + job.get("result").get("entry").asText() + "/0.png").body();
  }

  @Test
  void aModelSaysWhatCanBeSet() {
    JsonNode digits = caller.get("/api/model?name=../models/mnist").json();
    assertThat(digits.get("classes").size()).isEqualTo(10);
    assertThat(digits.get("kind").asText()).isEqualTo("pixels");
    assertThat(caller.get("/api/model?name=../models/faces").json().get("width").asInt())
        .isEqualTo(32);
  }

  @Test
  void drawsWhatTheLibraryDraws() {
    JsonNode job =
        caller.drawn(
            FACES.formatted(3, ",\"guides\":[{\"kind\":\"symmetry\",\"value\":\"horizontal\"}]"));
    assertThat(job.get("state").asText()).isEqualTo("done");
    String entry = job.get("result").get("entry").asText();
    try (DiffusionPipeline pipeline = DiffusionPipeline.load("../models/faces")) {
      var pictures =
          pipeline.draw(
              SamplingOptions.defaults()
                  .withCount(2)
                  .withSeed(7)
                  .withScheduler(SchedulerKind.DDIM)
                  .withSteps(3)
                  .withGuide("symmetry=horizontal", 40));
      for (int i = 0; i < 2; i++) {
        byte[] drawn = caller.get("/gallery/" + entry + "/" + i + ".png").body();
        assertThat(drawn).isEqualTo(Png.encode(pictures.get(i)));
      }
    }
    JsonNode kept = caller.get("/api/gallery").json().get(0);
    assertThat(kept.get("losses").size()).isEqualTo(3);
    assertThat(kept.get("steps").asInt()).isEqualTo(3);
  }

  @Test
  void theGalleryBeginsWithTheNewestEvenIfTheyCameInOneSecond() {
    List<String> drawn = new ArrayList<>();
    for (int i = 0; i < 6; i++) {
      drawn.add(0, caller.drawn(FACES.formatted(1, "")).get("result").get("entry").asText());
    }
    assertThat(caller.get("/api/gallery").json().findValuesAsText("id"))
        .containsExactlyElementsIn(drawn)
        .inOrder();
  }

  @Test
  void theGallerySurvivesARestart() {
    String entry = caller.drawn(FACES.formatted(1, "")).get("result").get("entry").asText();
    stop();
    start();
    JsonNode kept = caller.get("/api/gallery").json();
    assertThat(kept.get(0).get("id").asText()).isEqualTo(entry);
    assertThat(kept.get(0).get("drawing").get("seed").asInt()).isEqualTo(7);
    assertThat(caller.get("/gallery/" + entry + "/1.png").status()).isEqualTo(200);
    assertThat(caller.delete("/api/gallery/" + entry).status()).isEqualTo(200);
    assertThat(caller.get("/api/gallery").json().size()).isEqualTo(0);
    assertThat(caller.get("/gallery/" + entry + "/1.png").status()).isEqualTo(400);
  }

  @Test
  void oneJobRunsTheOthersWaitAndBothCanBeStopped() {
    long first = caller.post("/api/drawings", FACES.formatted(1000, "")).json().get("job").asLong();
    long second = caller.post("/api/drawings", FACES.formatted(1, "")).json().get("job").asLong();
    long third = caller.post("/api/drawings", FACES.formatted(1, "")).json().get("job").asLong();
    JsonNode running = caller.waitFor(first, job -> job.get("pictures").size() == 2);
    assertThat(running.get("state").asText()).isEqualTo("running");
    assertThat(caller.jobs().get(1).get("state").asText()).isEqualTo("queued");
    caller.post("/api/jobs/" + second + "/stop", "");
    caller.post("/api/jobs/" + first + "/stop", "");
    assertThat(caller.waitFor(first, Caller::isOver).get("state").asText()).isEqualTo("stopped");
    assertThat(caller.waitFor(second, Caller::isOver).get("state").asText()).isEqualTo("stopped");
    assertThat(caller.waitFor(third, Caller::isOver).get("state").asText()).isEqualTo("done");
    assertThat(caller.get("/api/gallery").json().size()).isEqualTo(1);
  }

  @Test
  void aPageHearsOfEachStep() {
    String guide = ",\"guides\":[{\"kind\":\"color\",\"value\":\"teal\"}]";
    caller.post("/api/drawings", FACES.formatted(200, guide));
    List<String> news = caller.news(60);
    assertThat(news.get(0)).isEqualTo("event: jobs");
    assertThat(news.get(1)).startsWith("data: [{\"id\":1,");
    assertThat(news).contains("event: pictures");
    assertThat(news).contains("event: losses");
    assertThat(news.toString()).contains("data:image/png;base64,iVBOR");
    caller.post("/api/jobs/1/stop", "");
  }

  @Test
  void aFailureIsOneLineAndTheNextJobRuns() {
    JsonNode failed = caller.drawn(FACES.formatted(3, ",\"classes\":[\"cat\"]"));
    assertThat(failed.get("state").asText()).isEqualTo("failed");
    assertThat(failed.get("message").asText()).contains("the model is not class-conditioned");
    assertThat(caller.drawn(FACES.formatted(1, "")).get("state").asText()).isEqualTo("done");
  }

  @Test
  void aGuideThatBlowsUpIsSaidInOneLine() {
    String guide =
        ",\"guides\":[{\"kind\":\"color\",\"value\":\"teal\",\"options\":{\"scale\":%s}}]";
    JsonNode job = caller.drawn(FACES.formatted(3, guide.formatted("1e7")));
    assertThat(job.get("state").asText()).isEqualTo("done");
    String warning = job.get("warning").asText();
    assertThat(warning).startsWith("step 1 of 3: the guides make the pictures blow up");
    assertThat(caller.get("/api/gallery").json().get(0).get("warning").asText()).isEqualTo(warning);
    JsonNode failed =
        caller.drawn(FACES.replace("ddim", "euler").formatted(3, guide.formatted("1e37")));
    assertThat(failed.get("state").asText()).isEqualTo("failed");
    assertThat(failed.get("message").asText()).startsWith("no picture came of it: step 1 of 3");
    assertThat(caller.drawn(FACES.formatted(3, "")).get("warning").asText()).isEmpty();
  }

  @Test
  void theLastClipModelStays() throws Exception {
    Path copy = Files.createDirectories(home.resolve("clip"));
    for (String name :
        List.of(
            "open_clip_config.json",
            "open_clip_model.safetensors",
            "vocab.json",
            "merges.txt",
            "tokenizer_config.json")) {
      Files.copy(Path.of("../models/clip-faces").resolve(name), copy.resolve(name));
    }
    String guide = "{\"kind\":\"clip\",\"value\":\"red hair\",\"options\":{\"clip\":\"%s\"}}";
    String one = FACES.formatted(2, ",\"guides\":[" + guide.formatted(copy) + "]");
    caller.drawn(FACES.formatted(2, ""));
    long none = Scope.liveTensors();
    byte[] first = picture(one);
    long kept = Scope.liveTensors();
    assertThat(kept).isGreaterThan(none);
    assertThat(picture(FACES.formatted(2, ""))).isNotEqualTo(first);
    assertThat(Scope.liveTensors()).isEqualTo(kept);
    assertThat(picture(one)).isEqualTo(first);
    String two = guide.formatted(copy) + "," + guide.formatted("../models/clip-faces");
    assertThat(
            caller.drawn(FACES.formatted(2, ",\"guides\":[" + two + "]")).get("message").asText())
        .isEmpty();
    assertThat(Scope.liveTensors()).isEqualTo(kept); // of two, one
    Files.delete(copy.resolve("merges.txt"));
    assertThat(caller.drawn(one).get("state").asText()).isEqualTo("failed"); // it was not kept
    studio.close();
    assertThat(Scope.liveTensors()).isLessThan(none);
  }

  @Test
  void tensorsAreFreed() {
    String steered = FACES.formatted(2, ",\"guides\":[{\"kind\":\"color\",\"value\":\"teal\"}]");
    caller.drawn(steered);
    long before = Scope.liveTensors();
    for (int i = 0; i < 3; i++) {
      caller.drawn(steered);
    }
    assertThat(Scope.liveTensors()).isEqualTo(before);
  }

  @Test
  void aMaskKeepsTheRestOfAPicture() throws Exception {
    Path face = home.resolve("gallery");
    String entry = caller.drawn(FACES.formatted(2, "")).get("result").get("entry").asText();
    byte[] picture = PictureReader.bytes(face.resolve(entry).resolve("00000.png"));
    var mask = new java.awt.image.BufferedImage(32, 32, java.awt.image.BufferedImage.TYPE_INT_RGB);
    for (int i = 0; i < 32 * 16; i++) {
      mask.setRGB(i % 32, i / 32, 0xffffff);
    }
    String a = caller.post("/api/pictures", picture).json().get("id").asText();
    String b = caller.post("/api/pictures", Png.encode(mask)).json().get("id").asText();
    JsonNode job =
        caller.drawn(FACES.formatted(2, ",\"picture\":\"" + a + "\",\"mask\":\"" + b + "\""));
    String drawn = job.get("result").get("entry").asText();
    var before = PictureReader.read(picture, "before");
    var after = PictureReader.read(face.resolve(drawn).resolve("00001.png"));
    assertThat(after.crop(16, 0, 16, 32).values()).isEqualTo(before.crop(16, 0, 16, 32).values());
    assertThat(after.values()).isNotEqualTo(before.values());
  }
}
