package dev.sfumato.studio;

import static com.google.common.truth.Truth.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.sfumato.picture.PictureReader;
import dev.sfumato.picture.Pixels;
import dev.sfumato.pipeline.TinyStableDiffusion;
import dev.sfumato.tensor.Golden;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.CleanupMode;
import org.junit.jupiter.api.io.TempDir;

/** The page in a real browser. */
class PageTest {
  @TempDir(cleanup = CleanupMode.NEVER)
  static Path profiles; // the browser's processes may still write when the test ends

  @TempDir Path home;
  private Studio studio;
  private Browser browser;
  private Caller caller;

  @BeforeEach
  void start() throws Exception {
    assumeTrue(
        Browser.find().isPresent(), "no chromium on the PATH: the page is not tested in a browser");
    studio = Studio.start(Caller.options(home, home, Caller.MODELS));
    caller = new Caller(studio);
    browser = new Browser(Browser.find().get(), Files.createTempDirectory(profiles, "profile"));
    browser.resize(1200, 900);
    browser.open(studio.address());
    model("faces", 3);
  }

  @AfterEach
  void stop() throws Exception {
    if (browser != null) {
      List<String> errors = browser.errors();
      browser.close();
      assertThat(errors).isEmpty();
    }
    if (studio != null) {
      studio.close();
    }
  }

  private void model(String name, int steps) {
    browser.await("!!document.querySelector('#go:not([disabled])')");
    browser.type("#form select", "../models/" + name);
    String size = name.equals("mnist") ? "classes" : "32 × 32";
    browser.await("document.querySelector('#form .hint').textContent.includes('" + size + "')");
    set("Pictures", 2);
    set("Steps", steps);
  }

  private void unfold() {
    browser.run("document.querySelectorAll('details').forEach(d => d.open = true)");
  }

  private void set(String name, Object value) {
    browser.type("[aria-label='" + name + ", as a number']", value);
  }

  private JsonNode draw() {
    int before = caller.get("/api/gallery").json().size();
    browser.click("#go");
    browser.await("document.querySelectorAll('#gallery .card').length === " + (before + 1));
    browser.await("!!document.querySelector('#vary')");
    return caller.get("/api/gallery").json().get(0);
  }

  @Test
  void draws() {
    JsonNode entry = draw();
    assertThat(entry.get("drawing").get("model").asText()).isEqualTo("../models/faces");
    assertThat(entry.get("steps").asInt()).isEqualTo(3);
    browser.await("document.querySelectorAll('#stage .tile img').length === 2");
    browser.await("[...document.querySelectorAll('#stage img')].every(i => i.naturalWidth === 32)");
    browser.click("#vary");
    browser.await("document.querySelectorAll('#gallery .card').length === 2");
    browser.open(studio.address());
    browser.await("document.querySelectorAll('#gallery .card').length === 2");
  }

  @Test
  void aModelThatIsBeingReadIsNotDrawnWith() {
    browser.run(
        "(() => { const e = document.querySelector('#form select'); e.value = '../models/mnist';"
            + " e.dispatchEvent(new Event('change')); document.querySelector('#go').click(); })()");
    browser.await("!!document.querySelector('#go:not([disabled])')");
    assertThat(browser.run("document.querySelector('#toasts').textContent").asText()).isEmpty();
  }

  @Test
  void steersByAColour() {
    unfold();
    browser.clickText("#form .chip", "Colour");
    browser.type("#form input[type=color]", "#20c040");
    JsonNode entry = draw();
    JsonNode guide = entry.get("drawing").get("guides").get(0);
    assertThat(guide.get("value").asText()).isEqualTo("#20c040");
    assertThat(entry.get("losses").get(0).has("color")).isTrue();
    browser.await("document.querySelectorAll('#stage .curve').length === 1");
  }

  @Test
  void aGuideThatBlowsUpIsSaidOnThePage() {
    unfold();
    browser.clickText("#form .chip", "Colour");
    set("Strength", 1e7);
    draw();
    String said = browser.await("document.querySelector('#stage .warning').textContent").asText();
    assertThat(said).contains("the guides make the pictures blow up");
    browser.open(studio.address()); // the gallery keeps it
    browser.await("document.querySelector('#stage .warning').textContent.includes('blow up')");
  }

  @Test
  void aClassIsChosen() {
    model("mnist", 2);
    browser.clickText("#form .chip", "7");
    assertThat(draw().get("drawing").get("classes").toString()).isEqualTo("[\"7\"]");
    unfold();
    browser.clickText("#form .add .chip", "Class");
    JsonNode guide = draw().get("drawing").get("guides").get(0);
    assertThat(guide.get("kind").asText()).isEqualTo("class");
    assertThat(guide.get("value").asText()).isEqualTo("0");
  }

  @Test
  void aTextIsDrawnWithALora() throws Exception {
    TinyStableDiffusion.write(home.resolve("rose"), "sd1");
    Files.copy(Golden.path("lora/sd1_peft.safetensors"), home.resolve("style.safetensors"));
    browser.open(studio.address());
    browser.await("!!document.querySelector('#go:not([disabled])')");
    browser.type("#form select", home.resolve("rose"));
    browser.await("!!document.querySelector('#prompt')");
    browser.type("#prompt", "a red++ rose");
    unfold();
    browser.clickText("#form .chip", "style");
    set("Scale", 0.5);
    browser.type("#syntax", "compel");
    browser.type("#clipskip", 1);
    set("Steps", 2);
    set("Pictures", 1);
    JsonNode drawing = draw().get("drawing");
    assertThat(drawing.get("loras").toString())
        .isEqualTo("[{\"path\":\"" + home.resolve("style.safetensors") + "\",\"scale\":0.5}]");
    assertThat(drawing.get("prompt_syntax").asText()).isEqualTo("compel");
    assertThat(drawing.get("clip_skip").asInt()).isEqualTo(1);
    browser.await("document.querySelector('#stage .said').textContent.includes('style × 0.5')");
  }

  @Test
  void paintsAMask() {
    JsonNode first = draw();
    unfold();
    Path file = home.resolve("gallery").resolve(first.get("id").asText()).resolve("00000.png");
    browser.choose("#form .drop input", file);
    browser.click("#paint");
    browser.await("document.querySelector('.easel img').naturalWidth === 32");
    browser.drag(".easel canvas", .1, .1, .9, .1);
    browser.click("#keepmask");
    browser.await("document.querySelectorAll('#form .start img').length === 2");
    JsonNode entry = draw();
    Pixels before = PictureReader.read(file);
    Pixels after = PictureReader.read(drawn(entry, 1));
    Pixels mask =
        PictureReader.read(
            home.resolve("pictures").resolve(entry.get("drawing").get("mask").asText() + ".png"));
    int painted = 0;
    for (int i = 0; i < 32 * 32; i++) {
      boolean white = mask.at(0, i / 32, i % 32) == 255;
      painted += white ? 1 : 0;
      if (!white) {
        assertThat(after.at(0, i / 32, i % 32)).isEqualTo(before.at(0, i / 32, i % 32));
      }
    }
    assertThat(painted).isAtLeast(100);
    assertThat(painted).isAtMost(400);
    assertThat(after.values()).isNotEqualTo(before.values());
  }

  private Path drawn(JsonNode entry, int number) {
    return home.resolve("gallery")
        .resolve(entry.get("id").asText())
        .resolve("0000" + number + ".png");
  }

  @Test
  void aReloadInTheMiddleAndAStop() {
    set("Steps", 900);
    browser.click("#go");
    browser.await("document.querySelectorAll('#stage .tile img[src]').length === 2");
    browser.open("about:blank"); // a closed page does not stop a job
    long step = caller.waitFor(1, job -> job.get("step").asInt() > 0).get("step").asLong();
    caller.waitFor(1, job -> job.get("step").asLong() > step + 3);
    browser.open(studio.address());
    browser.await("document.querySelectorAll('#stage .tile img[src]').length === 2");
    browser.click("#stop");
    browser.await("document.querySelector('#stage .said').textContent.startsWith('Stopped after')");
    assertThat(caller.jobs().get(0).get("state").asText()).isEqualTo("stopped");
    assertThat(caller.get("/api/gallery").json().size()).isEqualTo(0);
  }

  @Test
  void whatIsCopiedIsTheCommandOfTheStudio() {
    JsonNode entry = draw();
    browser.click("#command");
    String shown = browser.await("document.querySelector('#copied').textContent").asText();
    assertThat(shown)
        .isEqualTo(
            caller
                .post("/api/text", entry.get("drawing").toString())
                .json()
                .get("command")
                .asText());
    assertThat(shown).startsWith("sfumato sample --model ../models/faces");
  }

  @Test
  void aMistakeIsSaidInOneLine() {
    unfold();
    browser.type("[placeholder='32'][type=number]", "33");
    browser.click("#go");
    String said = browser.await("document.querySelector('.toast.wrong').textContent").asText();
    assertThat(said).contains("33");
    assertThat(said.lines().count()).isEqualTo(1);
  }

  // ---- watch and look

  private Path faces() throws Exception {
    Path folder = Files.createDirectories(home.resolve("faces"));
    for (int i = 1; i <= 4; i++) {
      Path face = Path.of("../core/src/test/resources/faces/pixel-" + i + ".png");
      Files.copy(face, folder.resolve(i + ".png"));
    }
    return folder;
  }

  @Test
  void trainsStopsAndResumes() throws Exception {
    browser.click("nav a[href='#watch']");
    browser.click("#fit");
    browser.type("#fitname", "mine");
    browser.type("#watch select", "../models/faces");
    browser.type("#fitdata", faces());
    browser.type("#fitsteps", 400);
    browser.type("#fitbatch_size", 2);
    browser.click("#train");
    browser.await("document.querySelector('#training').textContent.includes('loss')");
    browser.await("document.querySelector('#watch .samples').naturalWidth > 32");
    browser.click("#stoprun");
    browser.click("#resume");
    browser.await("!!document.querySelector('#stoprun')");
    caller.post("/api/jobs/2/stop", "");
    caller.waitFor(2, Caller::isOver);
    assertThat(Files.exists(home.resolve("runs/mine/metrics.csv"))).isTrue();
  }

  @Test
  void aLoraThatWasTrainedIsOfferedWithoutAReload() throws Exception {
    TinyStableDiffusion.write(home.resolve("rose"), "sd1");
    browser.open(studio.address());
    model("faces", 1);
    browser.type("#form select", home.resolve("rose"));
    browser.await("!!document.querySelector('#prompt')");
    assertThat(browser.await("document.querySelector('#form').textContent").asText())
        .contains("No LoRA and no learned word lies");
    browser.click("nav a[href='#watch']");
    browser.click("#fit");
    browser.type("#watch select", home.resolve("rose"));
    browser.await("!!document.querySelector('#fitmethod')");
    browser.type("#fitname", "mine");
    browser.type("#fitprompt", "a sks face");
    browser.type("#fitdata", faces());
    browser.type("#fitsteps", 1);
    browser.type("#fitbatch_size", 1);
    browser.click("#train");
    browser.await(
        "[...document.querySelectorAll('#form .chip')].some(c => c.title.includes('runs/mine'))");
  }

  @Test
  void looksAtPictures() throws Exception {
    browser.click("nav a[href='#look']");
    browser.choose("#look .drop input", Path.of("../core/src/test/resources/faces/cartoon-1.png"));
    browser.await("document.querySelectorAll('#look .thumbs img').length === 1");
    browser.click("#compare");
    browser.await("document.querySelectorAll('#heat td').length === 3");
    browser.type("#data", faces());
    browser.click("#lookat");
    browser.await("document.querySelectorAll('#found figure').length === 4");
  }

  @Test
  void aDroppedFolderIsADataSet() throws Exception {
    Path folder = Files.createDirectories(profiles.resolve("dropped").resolve("faces"));
    String longName = "a long name ".repeat(10).strip();
    for (int i = 1; i <= 3; i++) {
      Path part = Files.createDirectories(folder.resolve(i == 1 ? "rosé" : longName));
      Files.copy(
          Path.of("../core/src/test/resources/faces/pixel-" + i + ".png"),
          part.resolve(i + ".png"));
    }
    Files.writeString(folder.resolve("notes.md"), "no picture");
    browser.click("nav a[href='#look']");
    browser.drop("#look .drop:has([accept*=zip])", folder);
    browser.await("document.querySelectorAll('#found figure').length === 3");
    String said = browser.await("document.querySelector('#found').textContent").asText();
    assertThat(said).contains("3 pictures, 2 classes");
    assertThat(said).contains("rosé1");
    assertThat(said).contains(longName + "2");
    assertThat(said).doesNotContain("notes.md");
    browser.click("nav a[href='#watch']");
    browser.click("#fit");
    browser.drop("#watch .drop", folder);
    browser.await("document.querySelector('#fitdata').value.includes('data')");
  }
}
