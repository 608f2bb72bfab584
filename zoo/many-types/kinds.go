package main

import (
	"errors"
	"reflect"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"zoo/ordinary"
)

// cell is the small object that most things here point to.
type cell struct {
	value int64
	next  *cell
	name  string
}

var cells int

func newCell() *cell {
	cells++
	return &cell{value: int64(cells), name: ordinary.Mail(uint64(cells))}
}

// padded has room between its fields, and pointers at odd places.
type padded struct {
	flag    bool
	first   *cell
	small   uint16
	text    string
	another bool
	call    func() int
	last    interface{}
	tail    byte
}

// lookalike has fields that look like pointers and are none.
type lookalike struct {
	address uintptr
	bits    float64
	real    *cell
}

type (
	celsius   float64
	names     []string
	row       [8]*cell
	table     [4]row
	predicate func(*cell) bool
	wideKey   [20]int64 // 160 bytes: a map keeps pointers to such keys
	wideValue struct {  // 200 bytes, likewise
		numbers [20]int64
		cells   [5]*cell
	}
	shape interface {
		area() float64
	}
	square struct{ side float64 }
	circle struct {
		radius float64
		centre *cell
	}
	pointLike *cell
	empty     struct{}
)

func (s square) area() float64  { return s.side * s.side }
func (c *circle) area() float64 { return c.radius * c.radius * 3 }

type base struct {
	id    int
	cells []*cell
}

type middle struct {
	base
	extra *cell
}

type outer struct {
	*middle
	shape
	sync.Mutex
}

// The globals: data and bss, with pointers and without.
var (
	aBool       = true
	anInt8      = new(int8)
	anInt16     = new(int16)
	anInt32     = new(int32)
	anInt64     = new(int64)
	aFloat32    = new(float32)
	aComplex    *complex128
	aCelsius    *celsius
	aString     string
	aSubstring  string
	bytesOfOne  []byte
	someNames   names
	anArray     [3]string
	aTable      table
	aTablePtr   *table
	aPadded     padded
	aPaddedPtr  *padded
	paddedArray [7]padded
	alike       lookalike
	aliveBits   *lookalike
	anOuter     outer
	aPointer    **cell
	threeStars  ***cell
	aPointLike  pointLike
	anUnsafe    unsafe.Pointer
	anAddress   uintptr
	interior    *string
	inArray     *padded
	tailSlice   []*cell
	emptySlice  []*cell
	spareSlice  []*cell
	nested      [][][]int32
	zeroSized   *empty
	zeroArray   [0]*cell
	zeroes      []empty
	selfish     *cell
	ring        *cell

	anything     interface{}
	anyNumber    interface{}
	anyStruct    interface{}
	anyFunction  interface{}
	anyArray     interface{}
	someShapes   []shape
	anError      error
	wrappedError error
	notShape     shape

	aFunction    func() int
	aClosure     func() *cell
	aPredicate   predicate
	aMethod      func() float64
	functions    map[string]func(int) int
	aValue       atomic.Value
	aOnce        sync.Once
	aCond        = sync.NewCond(new(sync.Mutex))
	aPool        = sync.Pool{New: func() interface{} { return newCell() }}
	aTime        time.Time
	aTimer       *time.Timer
	aTicker      *time.Ticker
	nilMap       map[string]*cell
	emptyMap     = map[string]*cell{}
	oneEntry     map[string]*cell
	eightEntries map[int32]*cell
	nineEntries  map[int64]string
	intSet       map[int]struct{}
	wideMap      map[wideKey]wideValue
	wideKeys     map[wideKey]byte
	wideValues   map[uint8]wideValue
	anyMap       map[interface{}]interface{}
	floatMap     map[float64][]int
	pairMap      map[[2]string]padded
	chanMap      map[chan int]bool
	pointerMap   map[*cell]*cell
	noPointers   map[uint32]uint64
	halfEmptied  map[int]*cell
	mapOfMaps    map[string]map[string]int
	structMap    map[struct {
		x, y int16
		name string
	}]*cell

	nilChannel     chan *cell
	unbuffered     = make(chan *cell)
	cellChannel    = make(chan *cell, 16)
	structChannel  = make(chan padded, 4)
	numberChannel  = make(chan int, 100)
	nothingChannel = make(chan struct{}, 10)
	sendOnly       chan<- string
	closed         = make(chan *cell, 2)

	madeType  reflect.Type
	madeValue interface{}
)

func makeKinds() {
	c := complex(1, 2)
	aComplex = &c
	t := celsius(21)
	aCelsius = &t
	aString = ordinary.Mail(1) + ordinary.Mail(2)
	aSubstring = (ordinary.Name(3) + ordinary.Mail(3))[10:20]
	bytesOfOne = []byte{byte(len(aString))}
	someNames = names{ordinary.Mail(4), "a constant", ordinary.Mail(5)}
	anArray = [3]string{ordinary.Mail(6), "", ordinary.Mail(7)}
	aTablePtr = new(table)
	for i := range aTable {
		aTable[i][i] = newCell()
		aTablePtr[i][7-i] = newCell()
	}
	made("table", 1)

	aPadded = padded{first: newCell(), text: ordinary.Mail(8), last: newCell()}
	aPaddedPtr = &padded{first: newCell(), text: ordinary.Mail(9), last: aPadded.first, tail: 255}
	made("padded", 1)
	for i := range paddedArray {
		paddedArray[i].last = newCell()
	}
	inArray = &paddedArray[3]
	alike = lookalike{real: newCell()}
	// The address of an object as a number does not keep it.
	alike.address = uintptr(unsafe.Pointer(newCell()))
	cells--
	aliveBits = &lookalike{address: ^uintptr(0), bits: -1, real: newCell()}
	made("lookalike", 1)
	anOuter.middle = &middle{base{1, []*cell{newCell(), newCell()}}, newCell()}
	anOuter.shape = &circle{1, newCell()}
	made("middle", 1)

	p := newCell()
	aPointer = &p
	pp := &p
	threeStars = &pp
	aPointLike = newCell()
	anUnsafe = unsafe.Pointer(newCell())
	anAddress = uintptr(anUnsafe)
	interior = &newCell().name
	cellsOfSlice := []*cell{newCell(), newCell(), newCell(), newCell()}
	tailSlice = cellsOfSlice[2:]
	emptySlice = make([]*cell, 4)[4:]
	spareSlice = append(make([]*cell, 0, 100), newCell())
	spareSlice[:2][1] = newCell()
	nested = [][][]int32{{{1}, {2, 3}}, nil, {{}, make([]int32, 1000)}}
	zeroSized = new(empty)
	zeroes = make([]empty, 1000)
	selfish = newCell()
	selfish.next = selfish
	ring = newCell()
	ring.next = &cell{next: &cell{next: ring}}
	cells += 2

	anything = newCell()
	anyNumber = int64(1) << 40
	anyStruct = padded{first: newCell()}
	made("padded", 1)
	anyFunction = func(i int) int { return i + int(ring.value) }
	anyArray = [3]*cell{newCell(), nil, newCell()}
	centre := newCell()
	for i := 0; i < 10; i++ {
		someShapes = append(someShapes, square{float64(i)}, &circle{float64(i), centre})
	}
	made("circle", 1+10)
	anError = errors.New("an error of " + ordinary.Mail(10))
	wrappedError = &time.ParseError{Layout: ordinary.Mail(11), Message: anError.Error()}

	aFunction = func() int { return 4 }
	captured := newCell()
	aClosure = func() *cell { return captured }
	counted := newCell()
	aPredicate = func(c *cell) bool { counted = c; return counted.next == nil }
	s := square{3}
	aMethod = s.area
	functions = map[string]func(int) int{}
	for i := 0; i < 20; i++ {
		i := i
		functions[strconv.Itoa(i)+" of many"] = func(n int) int { return n * i }
	}
	aValue.Store(newCell())
	aTime = time.Now().In(time.FixedZone(ordinary.Mail(12), 3600))
	aTimer = time.NewTimer(1000 * time.Hour)
	aTicker = time.NewTicker(1000 * time.Hour)

	makeMaps()
	makeChannels()
	makeType()
}

func makeMaps() {
	oneEntry = map[string]*cell{ordinary.Mail(13): newCell()}
	eightEntries = map[int32]*cell{}
	for i := int32(0); i < 8; i++ {
		eightEntries[i] = newCell()
	}
	nineEntries = map[int64]string{}
	for i := int64(0); i < 9; i++ {
		nineEntries[i] = ordinary.Mail(uint64(i))
	}
	intSet = map[int]struct{}{}
	noPointers = map[uint32]uint64{}
	halfEmptied = map[int]*cell{}
	pointerMap = map[*cell]*cell{}
	floatMap = map[float64][]int{}
	for i := 0; i < 3000; i++ {
		intSet[i*i] = struct{}{}
		noPointers[uint32(i)] = uint64(i)
		halfEmptied[i] = newCell()
		floatMap[float64(i)/3] = make([]int, i%4)
		if i < 500 {
			pointerMap[newCell()] = newCell()
		}
	}
	for i := 0; i < 2900; i++ {
		delete(halfEmptied, i)
		cells--
	}
	wideMap = map[wideKey]wideValue{}
	wideKeys = map[wideKey]byte{}
	wideValues = map[uint8]wideValue{}
	for i := 0; i < 100; i++ {
		wideMap[wideKey{int64(i)}] = wideValue{cells: [5]*cell{newCell(), nil, nil, nil, newCell()}}
		wideKeys[wideKey{19: int64(i)}] = byte(i)
		wideValues[uint8(i)] = wideValue{cells: [5]*cell{2: newCell()}}
	}
	made("wideKey", 200)
	made("wideValue", 200)
	anyMap = map[interface{}]interface{}{
		1: "one", "two": 2, 3.5: newCell(), square{1}: nil, newCell(): padded{first: newCell()},
		[2]int{1, 2}: []byte("bytes of a slice"),
	}
	made("padded", 1)
	pairMap = map[[2]string]padded{}
	for i := uint64(0); i < 30; i++ {
		pairMap[[2]string{ordinary.Mail(i), "key"}] = padded{first: newCell(), tail: 1}
	}
	chanMap = map[chan int]bool{make(chan int): true, make(chan int, 5): false}
	mapOfMaps = map[string]map[string]int{}
	for i := uint64(0); i < 40; i++ {
		mapOfMaps[ordinary.Mail(i)] = map[string]int{"a": 1, ordinary.Name(i): 2}
	}
	structMap = map[struct {
		x, y int16
		name string
	}]*cell{{1, 2, ordinary.Mail(20)}: newCell(), {3, 4, "constant"}: newCell()}
}

func makeChannels() {
	for i := 0; i < 10; i++ {
		cellChannel <- newCell()
		numberChannel <- i
		nothingChannel <- struct{}{}
	}
	// What was received is cleared from the buffer.
	for i := 0; i < 4; i++ {
		<-cellChannel
		cells--
	}
	structChannel <- padded{first: newCell()}
	sendOnly = make(chan string, 3)
	sendOnly <- ordinary.Mail(30)
	closed <- newCell()
	close(closed)
}

// makeType makes a type when the program runs: it lies in the heap, not in the executable.
func makeType() {
	madeType = reflect.StructOf([]reflect.StructField{
		{Name: "Number", Type: reflect.TypeOf(0)},
		{Name: "Cell", Type: reflect.TypeOf(&cell{})},
		{Name: "Text", Type: reflect.TypeOf("")},
	})
	value := reflect.New(madeType)
	value.Elem().Field(1).Set(reflect.ValueOf(newCell()))
	value.Elem().Field(2).SetString(ordinary.Mail(40))
	madeValue = value.Interface()
}
